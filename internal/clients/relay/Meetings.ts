import { graphql } from 'relay-runtime';

graphql`
  mutation MeetingsCreateMutation($input: CreateMeetingInput!) {
    createMeeting(input: $input) {
      meeting {
        id
        topic
      }
      userErrors {
        code
        message
      }
    }
  }
`;

graphql`
  mutation MeetingsRenameMutation($input: UpdateMeetingInput!) {
    updateMeeting(input: $input) {
      meeting {
        id
        topic
      }
      userErrors {
        code
        message
      }
    }
  }
`;

graphql`
  mutation MeetingsDeleteMutation($input: DeleteMeetingInput!) {
    deleteMeeting(input: $input) {
      deletedMeetingId @deleteRecord
      userErrors {
        code
      }
    }
  }
`;
