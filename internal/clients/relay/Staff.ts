import { graphql } from 'relay-runtime';

graphql`
  query StaffQuery {
    account {
      ...Staff_account
    }
  }
`;

graphql`
  fragment Staff_account on Account
  @argumentDefinitions(count: { type: "Int", defaultValue: 3 }, cursor: { type: "String" })
  @refetchable(queryName: "StaffNextQuery") {
    users(first: $count, after: $cursor) @connection(key: "Staff_users") {
      totalCount
      edges {
        node {
          id
          email
          department
        }
      }
    }
  }
`;
