// @urql/core: queries by GET, mutations by POST, and its document cache.
import assert from 'node:assert/strict';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { authorization, checkCreateLink, checkDashboard, createLink, dashboard, url } from './setting.mjs';

const methods = [];
const recording = (address, init) => {
  methods.push(init.method);
  return fetch(address, init);
};
const client = new Client({ url, fetch: recording, fetchOptions: { headers: authorization }, exchanges: [cacheExchange, fetchExchange], preferGetMethod: 'force' });
const ask = async (operation) => {
  const { data, error } = await operation.toPromise();
  assert.equal(error, undefined);
  return data;
};

checkDashboard(await ask(client.query(dashboard, { after: null })));
checkDashboard(await ask(client.query(dashboard, { after: null })));
assert.deepEqual(methods, ['GET'], 'the second one is the cache');
await checkCreateLink((variables) => ask(client.mutation(createLink, variables)));
assert.deepEqual(methods, ['GET', 'POST', 'POST']);

const { error } = await client.query('{ partners(first: 1) { totalCount } }', {}).toPromise();
assert.equal(error.graphQLErrors[0].extensions.code, 'FORBIDDEN');
