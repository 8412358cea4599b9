// Command clients asks a gateway with what genqlient generated: clients URL EMAIL NUMBER.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/clients/made/questions"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, email, number string) error {
	post, get := graphql.NewClient(url, http.DefaultClient), graphql.NewClientUsingGet(url, http.DefaultClient)
	for _, client := range []graphql.Client{post, get} {
		staff, err := questions.Staff(ctx, client, 3, nil)
		if err != nil {
			return fmt.Errorf("staff: %w", err)
		}
		next, err := questions.Staff(ctx, client, 3, staff.Account.Users.PageInfo.EndCursor)
		if err != nil {
			return fmt.Errorf("the next page: %w", err)
		}
		if len(staff.Account.Users.Nodes) != 3 || *next.Account.Users.Nodes[0].Email == *staff.Account.Users.Nodes[0].Email {
			return errors.New("the second page is the first one")
		}
	}
	// The other members of the @oneOf input are sent as null.
	by := questions.MeetingBy{Number: &number}
	meeting, err := questions.Meeting(ctx, post, by)
	if err != nil {
		return fmt.Errorf("meeting: %w", err)
	}
	if host := meeting.Meeting.Host; host == nil || *host.Email != email {
		return errors.New("the meeting has another host")
	}
	topic := "Planning"
	renamed, err := questions.Rename(ctx, post, questions.UpdateMeetingInput{Meeting: by, Patch: questions.MeetingPatch{Topic: &topic}})
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	if len(renamed.UpdateMeeting.UserErrors) > 0 || *renamed.UpdateMeeting.Meeting.Topic != topic {
		return fmt.Errorf("rename: %+v", renamed.UpdateMeeting)
	}
	nobody := "no id"
	_, err = questions.Meeting(ctx, post, questions.MeetingBy{Id: &nobody})
	var list gqlerror.List
	if !errors.As(err, &list) || list[0].Extensions["code"] != "BAD_USER_INPUT" {
		return fmt.Errorf("a wrong id: %w", err)
	}
	return nil
}
