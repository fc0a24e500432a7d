// What every script here is told, and what the partner of these tests has on record: tests/it/clients/world.rs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

export const url = process.env.SERVER_URL + '/graphql';
export const authorization = { authorization: `Bearer ${process.env.PARTNER_TOKEN}` };
export const dashboard = readFileSync('dashboard.graphql', 'utf8');
export const createLink = readFileSync('create-link.graphql', 'utf8');

const money = (cents) => ({ amount: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}0000`, currencyCode: 'EUR' });
const tenths = (cents) => ({ amount: `${Math.floor(cents / 1000)}.${String(cents % 1000).padStart(3, '0')}000`, currencyCode: 'EUR' });
const two = (n) => String(n).padStart(2, '0');
// Client n of 25 paid n times 10.00, and an hour later n times 1.00; all of it earns 10 %.
const newestFirst = (from) => Array.from({ length: 20 }, (_, place) => from - place);
const list = (totalCount, hasPreviousPage, nodes) => ({ totalCount, pageInfo: { hasNextPage: true, hasPreviousPage }, edges: nodes.map((node) => ({ node })) });

function client(n) {
  return {
    reference: reference(n), registeredAt: `2025-03-01T00:${two(n)}:00Z`, isActive: false,
    lastTopUpAt: `2025-03-02T01:${two(n)}:00Z`, topUpCount: 2, topUpTotal: money(1100 * n), commissionTotal: tenths(1100 * n),
  };
}

// Of the provider's own id, client-NN, the ends alone are shown.
function reference(n) {
  return `c•••${two(n)}`;
}

// The lines from the newest on: the 25 small ones, then the large ones.
function commission(place) {
  const isSmall = place < 25;
  const n = 25 - (place % 25);
  const cents = isSmall ? 100 * n : 1000 * n;
  return {
    kind: 'TOP_UP', status: 'PENDING', reason: null, occurredAt: `2025-03-02T0${isSmall ? 1 : 0}:${two(n)}:00Z`,
    topUp: money(cents), base: money(cents), ratePercent: '10', amount: tenths(cents),
    period: { start: '2025-03-01', end: '2025-03-15', status: 'OPEN' }, client: { reference: reference(n) },
  };
}

function commissions(from, length = 20) {
  return Array.from({ length }, (_, place) => commission(from + place));
}

const viewer = {
  accountId: 'acct-1',
  standing: {
    activeClients: 0, ratePercent: '10', rateSource: 'TIER', tier: { name: 'Standard', ratePercent: '10' },
    nextTier: { name: 'Growth' }, clientsToNextTier: 20, period: { status: 'OPEN' },
  },
  balance: {
    available: money(33000), reserved: money(0), pending: tenths(357500), carried: money(0),
    lifetimeCredited: money(0), lifetimePaid: money(0),
  },
  // 25 clients were active when the oldest open period ended, in March 2025.
  forecast: { activeClientsNow: 0, tier: { name: 'Growth', ratePercent: '15' }, clientsToNextTier: 75, nextCredit: tenths(357500) },
  links: list(7, false, [null, 1, 2, 3, 4].map((n) => ({
    label: n && `Link ${n}`, campaign: n && 'spring', archivedAt: null,
  }))),
  referredClients: list(25, false, newestFirst(25).map(client)),
};

// What no test can know beforehand, or what a client adds: ids, cursors, addresses with the server's port.
const unknown = new Set(['__typename', '__id', 'id', 'cursor', 'endCursor', 'startCursor', 'url']);

function known(value) {
  if (Array.isArray(value)) return value.map(known);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !unknown.has(name)).map(([name, value]) => [name, known(value)]));
}

/** Fails unless this is what the partner has on record, with `pages` pages of commissions in one list. */
export function checkDashboard(data, pages = 1) {
  const length = 20 * pages;
  const expected = { ...viewer, commissions: list(50, false, commissions(0, length)) };
  assert.deepEqual(known(data.viewer), expected);
  const { links, referredClients, commissions: lines } = data.viewer;
  for (const connection of [links, referredClients, lines]) {
    for (const { cursor, node } of connection.edges) assert.ok(cursor && node.id);
  }
  const ids = lines.edges.map(({ node }) => node.id);
  assert.equal(new Set(ids).size, length, 'no line comes twice');
  for (const { node } of links.edges) assert.match(node.url, /^http:\/\/127\.0\.0\.1.*\/r\/[A-Za-z0-9_-]{3,32}$/);
}

/** Has a link made, and one refused, by `run`, which answers the mutation's data. */
export async function checkCreateLink(run) {
  const made = await run({ input: { label: 'made by a client', campaign: 'autumn', target: '/pricing' } });
  assert.ok(made.createReferralLink.referralLink.id);
  assert.deepEqual(known(made), {
    createReferralLink: {
      referralLink: { target: 'https://www.example.com/pricing', label: 'made by a client', campaign: 'autumn' },
      userErrors: [],
    },
  });
  const refused = await run({ input: { target: 'https://evil.example/' } });
  const { referralLink, userErrors } = refused.createReferralLink;
  assert.equal(referralLink, null);
  assert.equal(userErrors.length, 1);
  assert.equal(userErrors[0].code, 'TARGET_NOT_ALLOWED');
  assert.deepEqual(userErrors[0].field, ['input', 'target']);
  assert.ok(userErrors[0].message.length > 0);
}
