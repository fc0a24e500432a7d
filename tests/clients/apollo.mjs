// @apollo/client: its cache, its paging of Relay connections, its persisted documents.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { relayStylePagination } from '@apollo/client/utilities';
import { authorization, checkCreateLink, checkDashboard, createLink, dashboard, url } from './setting.mjs';

const bodies = [];
const recording = (address, init) => {
  bodies.push(JSON.parse(init.body));
  return fetch(address, init);
};
const http = new HttpLink({ uri: url, headers: authorization, fetch: recording });
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const connect = (link) => new ApolloClient({
  link,
  cache: new InMemoryCache({ typePolicies: { Partner: { fields: { commissions: relayStylePagination() } } } }),
});

const client = connect(http);
const first = { query: gql(dashboard), variables: { after: null } };
const { data } = await client.query(first);
checkDashboard(data);
const watched = client.watchQuery(first);
const watching = watched.subscribe({});
await watched.fetchMore({ variables: { after: data.viewer.commissions.pageInfo.endCursor } });
checkDashboard(client.readQuery(first), 2);
watching.unsubscribe();
assert.equal(bodies.length, 2, 'what is in the cache is not asked for again');

// What the server says no to comes with a code by which a program goes.
const refused = await client.query({ query: gql('{ partners(first: 1) { totalCount } }') }).catch((error) => error);
assert.ok(CombinedGraphQLErrors.is(refused));
assert.equal(refused.errors[0].extensions.code, 'FORBIDDEN');

// A persisted document: unknown at first, then told, then named by its hash alone.
const persisting = () => connect(ApolloLink.from([new PersistedQueryLink({ sha256 }), http]));
const persisted = { ...first, query: gql(dashboard.replace('query Dashboard', 'query Persisted')) };
for (const sent of [[false, true], [false]]) {
  bodies.length = 0;
  checkDashboard((await persisting().query(persisted)).data);
  assert.deepEqual(bodies.map((body) => 'query' in body), sent);
}
await checkCreateLink(async (variables) => (await client.mutate({ mutation: gql(createLink), variables })).data);

client.stop();
