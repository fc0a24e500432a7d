// A client in TypeScript, with the types that @graphql-codegen makes of the schema and the documents.
import { authorization, checkCreateLink, checkDashboard, createLink, dashboard, url } from '../setting.mjs';
import type {
  CommissionStatus, CreateLinkMutation, CreateLinkMutationVariables, DashboardQuery, DashboardQueryVariables, UserErrorCode,
} from './schema.mjs';

async function ask<Data, Variables>(query: string, variables: Variables): Promise<Data> {
  const body = JSON.stringify({ query, variables });
  const headers = { ...authorization, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body });
  const { data, errors } = await answer.json() as { data: Data | null; errors?: { message: string }[] };
  if (errors || !data) throw new Error(JSON.stringify(errors));
  return data;
}

// Each case is of the schema, and none of the schema is forgotten.
function isDecided(status: CommissionStatus): boolean {
  switch (status) {
    case 'PENDING':
    case 'HELD':
      return false;
    case 'SETTLED':
    case 'REJECTED':
    case 'NOT_EARNING':
      return true;
  }
}

const data = await ask<DashboardQuery, DashboardQueryVariables>(dashboard, { after: null });
checkDashboard(data);
const available: string | undefined = data.viewer?.balance.available.amount;
const decided = data.viewer?.commissions.edges.filter(({ node }) => isDecided(node.status));
const references = data.viewer?.commissions.edges.map(({ node }) => node.client?.reference ?? 'nobody');
if (available !== '330.000000' || decided?.length !== 0 || references?.length !== 20) throw new Error('other types than values');

const create = (variables: CreateLinkMutationVariables) => ask<CreateLinkMutation, CreateLinkMutationVariables>(createLink, variables);
await checkCreateLink(create);
const refused = await create({ input: { target: 'https://evil.example/' } });
const codes: UserErrorCode[] = refused.createReferralLink.userErrors.map(({ code }) => code);
if (codes[0] !== 'TARGET_NOT_ALLOWED') throw new Error(`refused as ${codes[0]}`);
