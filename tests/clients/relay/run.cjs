// relay-runtime with what relay-compiler made of dashboard.js: a fragment that is a connection and is fetched again.
const assert = require('node:assert/strict');
const {
  commitMutation, Environment, fetchQuery, createOperationDescriptor, getRequest, getSingularSelector, Network, RecordSource, Store,
} = require('relay-runtime');

const compiled = (name) => require(`./compiled/${name}.graphql.js`);

async function main() {
  const { authorization, checkCreateLink, checkDashboard, url } = await import('../setting.mjs');
  const network = Network.create(async ({ text }, variables) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/json', accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query: text, variables }),
    });
    assert.equal(answer.status, 200);
    return answer.json();
  });
  const environment = new Environment({ network, store: new Store(new RecordSource()) });

  const query = compiled('dashboardQuery');
  environment.retain(createOperationDescriptor(getRequest(query), {}));
  const { viewer } = await fetchQuery(environment, query, {}).toPromise();
  const fragment = () => environment.lookup(getSingularSelector(compiled('dashboard_commissions'), viewer)).data;
  checkDashboard({ viewer: { ...masked(viewer), ...fragment() } });

  // The next page goes into the same connection of the store.
  const { endCursor } = fragment().commissions.pageInfo;
  const next = { id: viewer.id, count: 20, cursor: endCursor };
  await fetchQuery(environment, compiled('dashboardCommissionsQuery'), next).toPromise();
  checkDashboard({ viewer: { ...masked(viewer), ...fragment() } }, 2);

  await checkCreateLink((variables) => new Promise((onCompleted, onError) => {
    const mutation = compiled('dashboardCreateLinkMutation');
    commitMutation(environment, { mutation, variables, onCompleted, onError });
  }));
}

/** Without what Relay keeps there of fragments. */
function masked({ __fragments, __fragmentOwner, ...fields }) {
  return fields;
}

main();
