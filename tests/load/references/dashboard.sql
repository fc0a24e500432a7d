-- What the references read: each shape of the dashboard as a view, so that all of them read the same rows by the same
-- indexes. {open} is the period that is running, {active_from} and {active_from_at_end} the first days of the windows of
-- active clients that end now and with it.
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;

CREATE VIEW bench.partners AS
SELECT p.id, a.account_id, k.code,
    COALESCE(s.active_clients, 0) AS active_clients,
    COALESCE(s.tier, 'Standard') AS tier,
    COALESCE(i.rate_basis_points, s.rate_basis_points, 1000) AS rate_basis_points,
    COALESCE(b.available, 0) AS available, COALESCE(b.reserved, 0) AS reserved, COALESCE(b.carried, 0) AS carried,
    COALESCE(b.lifetime_credited, 0) AS lifetime_credited, COALESCE(b.lifetime_paid, 0) AS lifetime_paid,
    (SELECT COALESCE(SUM(m.base * COALESCE(
            (SELECT r.rate_basis_points FROM individual_rate r WHERE r.partner_id = p.id AND r.from_period <= m.rate_period
             ORDER BY r.from_period DESC, r.id DESC LIMIT 1),
            (SELECT r.rate_basis_points FROM standing r WHERE r.partner_id = p.id AND r.period = m.rate_period), 1000) / 10000), 0)::BIGINT
        FROM partner_sum m WHERE m.partner_id = p.id AND m.settle_period >= {open}) AS pending,
    active.now AS active_now, active.at_end AS active_at_end
FROM partner p
JOIN account a ON a.id = p.account_id
JOIN link k ON k.partner_id = p.id AND k.is_own
LEFT JOIN standing s ON s.partner_id = p.id AND s.period = {open}
LEFT JOIN balance b ON b.partner_id = p.id
LEFT JOIN LATERAL (SELECT r.rate_basis_points FROM individual_rate r WHERE r.partner_id = p.id AND r.from_period <= {open}
    ORDER BY r.from_period DESC, r.id DESC LIMIT 1) i ON TRUE
CROSS JOIN LATERAL (SELECT COALESCE(SUM(d.clients), 0)::BIGINT AS now,
    COALESCE(SUM(d.clients) FILTER (WHERE d.day >= {active_from_at_end}), 0)::BIGINT AS at_end
    FROM active_day d WHERE d.partner_id = p.id AND d.day >= {active_from}) active;

CREATE VIEW bench.links AS
SELECT id, partner_id, code, label, created_at FROM link WHERE archived_at IS NULL;

CREATE VIEW bench.clients AS
SELECT t.referral_id AS id, t.partner_id, t.registered_at, t.reference, t.base, t.last_purchase_at,
    t.closed_commission + CASE
        WHEN t.open_period IS NULL THEN 0
        WHEN t.open_period < 99999999 THEN (t.base - t.closed_base) * COALESCE(
            (SELECT x.rate_basis_points FROM individual_rate x WHERE x.partner_id = t.partner_id AND x.from_period <= t.open_period
             ORDER BY x.from_period DESC, x.id DESC LIMIT 1),
            (SELECT x.rate_basis_points FROM standing x WHERE x.partner_id = t.partner_id AND x.period = t.open_period), 1000) / 10000
        ELSE (SELECT COALESCE(SUM(m.base * COALESCE(
                (SELECT x.rate_basis_points FROM individual_rate x WHERE x.partner_id = t.partner_id AND x.from_period <= m.rate_period
                 ORDER BY x.from_period DESC, x.id DESC LIMIT 1),
                (SELECT x.rate_basis_points FROM standing x WHERE x.partner_id = t.partner_id AND x.period = m.rate_period), 1000) / 10000), 0)::BIGINT
            FROM referral_sum m WHERE m.referral_id = t.referral_id AND m.settle_period > t.closed_through AND m.rate_period > t.closed_through)
    END AS commission
FROM referral_total t;

CREATE VIEW bench.commissions AS
SELECT l.id, l.partner_id, l.referral_id, l.occurred_at,
    CASE WHEN l.state = 'EARNING' AND l.settle_period < {open} THEN 'SETTLED' WHEN l.state = 'EARNING' THEN 'PENDING' ELSE l.state END AS status,
    l.base * CASE WHEN l.state IN ('REJECTED', 'NOT_EARNING') THEN 0 ELSE COALESCE(
        (SELECT x.rate_basis_points FROM individual_rate x WHERE x.partner_id = l.partner_id AND x.from_period <= l.rate_period
         ORDER BY x.from_period DESC, x.id DESC LIMIT 1),
        (SELECT x.rate_basis_points FROM standing x WHERE x.partner_id = l.partner_id AND x.period = l.rate_period), 1000) END / 10000 AS amount
FROM line l;

-- For PostGraphile, which finds keys and relations of views here.
COMMENT ON VIEW bench.partners IS E'@primaryKey id\n@unique account_id';
COMMENT ON VIEW bench.links IS E'@primaryKey id\n@foreignKey (partner_id) references bench.partners (id)';
COMMENT ON VIEW bench.clients IS E'@primaryKey id\n@foreignKey (partner_id) references bench.partners (id)';
COMMENT ON VIEW bench.commissions IS
    E'@primaryKey id\n@foreignKey (partner_id) references bench.partners (id)\n@foreignKey (referral_id) references bench.clients (id)';
