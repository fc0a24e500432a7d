// What relay-compiler reads; nothing runs this file.
graphql`
  query dashboardQuery {
    viewer {
      id
      accountId
      standing {
        activeClients
        ratePercent
        rateSource
        tier { name ratePercent }
        nextTier { name }
        clientsToNextTier
        period { status }
      }
      balance {
        available { ...dashboard_money @relay(mask: false) }
        reserved { ...dashboard_money @relay(mask: false) }
        pending { ...dashboard_money @relay(mask: false) }
        carried { ...dashboard_money @relay(mask: false) }
        lifetimeCredited { ...dashboard_money @relay(mask: false) }
        lifetimePaid { ...dashboard_money @relay(mask: false) }
      }
      forecast {
        activeClientsNow
        tier { name ratePercent }
        clientsToNextTier
        nextCredit { ...dashboard_money @relay(mask: false) }
      }
      links(first: 5) {
        totalCount
        pageInfo { hasNextPage hasPreviousPage }
        edges { cursor node { id url label campaign archivedAt } }
      }
      referredClients(first: 20) {
        totalCount
        pageInfo { hasNextPage hasPreviousPage }
        edges {
          cursor
          node {
            id
            reference
            registeredAt
            isActive
            lastTopUpAt
            topUpCount
            topUpTotal { ...dashboard_money @relay(mask: false) }
            commissionTotal { ...dashboard_money @relay(mask: false) }
          }
        }
      }
      ...dashboard_commissions
    }
  }
`;

graphql`
  fragment dashboard_money on Money {
    amount
    currencyCode
  }
`;

graphql`
  fragment dashboard_commissions on Partner
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "dashboardCommissionsQuery") {
    commissions(first: $count, after: $cursor) @connection(key: "dashboard_commissions") {
      totalCount
      pageInfo { hasPreviousPage }
      edges {
        node {
          id
          kind
          status
          reason
          occurredAt
          topUp { ...dashboard_money @relay(mask: false) }
          base { ...dashboard_money @relay(mask: false) }
          ratePercent
          amount { ...dashboard_money @relay(mask: false) }
          period { start end status }
          client { id reference }
        }
      }
    }
  }
`;

graphql`
  mutation dashboardCreateLinkMutation($input: CreateReferralLinkInput!) {
    createReferralLink(input: $input) {
      referralLink { id target label campaign }
      userErrors { code field message }
    }
  }
`;
