// @graphql-eslint over schema.graphql: all that it recommends for schemas and for Relay, but for what is said here.
import graphql from '@graphql-eslint/eslint-plugin';

const { rules: recommended } = graphql.configs['flat/schema-recommended'];
const { rules: relay } = graphql.configs['flat/schema-relay'];

export default [{
  files: ['schema.graphql'],
  languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: './schema.graphql' } } },
  plugins: { '@graphql-eslint': graphql },
  linterOptions: { reportUnusedDisableDirectives: 'error' },
  rules: {
    ...recommended,
    ...relay,
    // The schema's printer puts what fits on a line between single quotes; a client is shown the same text.
    '@graphql-eslint/description-style': 'off',
    // What is known by an id implements Node and has one. Money, periods, balances, pages and payloads are values.
    '@graphql-eslint/strict-id-in-types': 'off',
    // What is short by its nature is a plain list: tiers, messages, userErrors. Whatever grows is a connection.
    '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
    // Further than what is recommended: every field, argument and value of an enum says what it is.
    '@graphql-eslint/require-description': ['error', {
      types: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true, DirectiveDefinition: true,
      // GraphQL's own directives are printed as GraphQL has them, and it does not describe their arguments.
      ignoredSelectors: ['DirectiveDefinition > InputValueDefinition'],
    }],
    '@graphql-eslint/require-deprecation-reason': 'error',
  },
}];
