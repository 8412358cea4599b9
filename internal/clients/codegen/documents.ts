import { graphql } from '../made/codegen';

export const Host = graphql(/* GraphQL */ `
  fragment Host on User {
    id
    email
    displayName
  }
`);

export const Staff = graphql(/* GraphQL */ `
  query Staff($first: Int = 5, $withMeetings: Boolean!) {
    account {
      users(first: $first) {
        nodes {
          ...Host
          meetings(first: 2) @include(if: $withMeetings) {
            nodes {
              number
              startTime
            }
          }
        }
      }
    }
  }
`);

export const Rename = graphql(/* GraphQL */ `
  mutation Rename($by: MeetingBy!, $topic: String!) {
    updateMeeting(input: { meeting: $by, patch: { topic: $topic } }) {
      meeting {
        topic
      }
      userErrors {
        code
        message
      }
    }
  }
`);
