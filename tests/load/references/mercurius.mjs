// mercurius with JIT and loaders: the schema of dashboard.graphql over the views of dashboard.sql, a query a list.
import { readFileSync } from 'node:fs';
import fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';

pg.types.setTypeParser(20, BigInt);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 });

const micros = (amount) => {
  const digits = String(amount < 0n ? -amount : amount).padStart(7, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
};
const money = (amount) => ({ amount: micros(amount), currencyCode: 'EUR' });
const moment = (at) => (at === null ? null : new Date(Number(at / 1000n)).toISOString());
const percent = (basisPoints) => String(basisPoints / 100);
const tierOf = (clients) => ({ name: clients >= 100n ? 'Premier' : clients >= 20n ? 'Growth' : 'Standard' });

function connection(rows, first, key, node) {
  const edges = rows.slice(0, first).map((row) => ({ cursor: Buffer.from(`${row[key]}:${row.id}`).toString('base64url'), node: node(row) }));
  return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor ?? null } };
}

// The names make the driver prepare each statement once a connection.
const query = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const client = (row) => ({
  id: row.id, reference: row.reference, lastTopUpAt: moment(row.last_purchase_at), topUpTotal: money(row.base),
  commissionTotal: money(row.commission),
});
const commission = (row) => ({
  id: row.id, occurredAt: moment(row.occurred_at), status: row.status, amount: money(row.amount), referralId: row.referral_id,
});

const resolvers = {
  Query: {
    async viewer(_, __, { account }) {
      const [row] = await query('partner', 'SELECT * FROM bench.partners WHERE account_id = $1', [account]);
      if (!row) return null;
      const due = row.carried + row.pending;
      return {
        id: row.id, accountId: row.account_id, code: row.code,
        standing: { activeClients: Number(row.active_clients), ratePercent: percent(row.rate_basis_points), tier: { name: row.tier } },
        balance: {
          available: money(row.available), reserved: money(row.reserved), pending: money(row.pending), carried: money(row.carried),
          lifetimeCredited: money(row.lifetime_credited), lifetimePaid: money(row.lifetime_paid),
        },
        forecast: {
          activeClientsNow: Number(row.active_now), tier: tierOf(row.active_at_end),
          nextCredit: money(row.active_at_end >= 3n && due > 0n ? due : 0n),
        },
      };
    },
  },
  Partner: {
    async links({ id }, { first }) {
      const rows = await query('links', 'SELECT * FROM bench.links WHERE partner_id = $1 ORDER BY created_at, id LIMIT $2', [id, first + 1]);
      return connection(rows, first, 'created_at', (row) => ({ id: row.id, code: row.code, label: row.label }));
    },
    async referredClients({ id }, { first }) {
      const rows = await query('clients', 'SELECT * FROM bench.clients WHERE partner_id = $1 ORDER BY registered_at DESC, id DESC LIMIT $2', [id, first + 1]);
      return connection(rows, first, 'registered_at', client);
    },
    async commissions({ id }, { first }) {
      const rows = await query('commissions', 'SELECT * FROM bench.commissions WHERE partner_id = $1 ORDER BY occurred_at DESC, id DESC LIMIT $2', [id, first + 1]);
      return connection(rows, first, 'occurred_at', commission);
    },
  },
};
const loaders = {
  Commission: {
    async client(queries) {
      const ids = queries.map(({ obj }) => obj.referralId);
      const rows = await query('client', 'SELECT id, reference FROM bench.clients WHERE id = ANY($1)', [[...new Set(ids)]]);
      const byId = new Map(rows.map((row) => [row.id, row]));
      return ids.map((id) => byId.get(id) ?? null);
    },
  },
};

const app = fastify();
app.register(mercurius, {
  schema: readFileSync(new URL('mercurius.schema.graphql', import.meta.url), 'utf8'),
  resolvers, loaders, jit: 1, graphiql: false,
  context: (request) => ({ account: request.headers['x-account'] }),
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
