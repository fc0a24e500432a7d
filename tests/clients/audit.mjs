// The audit of npm graphql-http: GraphQL over HTTP, by GET and by POST, as anybody and as a partner.
import assert from 'node:assert/strict';
import { serverAudits } from 'graphql-http';
import { authorization, url } from './setting.mjs';

const asPartner = (address, init) => fetch(address, { ...init, headers: { ...init?.headers, ...authorization } });
for (const [caller, fetchFn] of [['anybody', fetch], ['a partner', asPartner]]) {
  const faults = [];
  const audits = serverAudits({ url, fetchFn });
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status !== 'ok') faults.push(`${result.status} ${result.name}: ${result.reason}`);
  }
  assert.deepEqual(faults, [], `asked by ${caller}`);
  assert.equal(audits.length, 61);
}
