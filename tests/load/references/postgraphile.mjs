// PostGraphile over the views of dashboard.sql, as its documentation has it for production.
import { createServer } from 'node:http';
import { makePgService } from 'postgraphile/adaptors/pg';
import { postgraphile } from 'postgraphile';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { grafserv } from 'postgraphile/grafserv/node';

const pgService = makePgService({ connectionString: process.env.DATABASE_URL, schemas: ['bench'], poolConfig: { max: 8 } });
const server = createServer();
const serving = postgraphile({
  extends: [PostGraphileAmberPreset],
  // Ids as they are in the tables; the global ones would take the field's name.
  disablePlugins: ['NodePlugin'],
  pgServices: [pgService],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: { explain: false },
}).createServ(grafserv);
await serving.addTo(server);
server.listen(Number(process.env.PORT), '127.0.0.1');
