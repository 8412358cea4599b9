package sandbox

import (
	"fmt"
	"strconv"
)

func init() { domains = append(domains, webinarRequests) }

func webinarRequests(r *rig, ask func(pattern, path string, body any)) {
	for _, kind := range []string{"scheduled", "upcoming"} {
		ask("GET /users/{userId}/webinars", "/users/"+r.HostID+"/webinars?page_size=300&page_number=1&type="+kind, nil)
	}
	for _, m := range r.world.webinarsOf(host, monday) {
		webinar := fmt.Sprintf("/webinars/%d", r.world.number(m.n))
		ask("GET /webinars/{webinarId}", webinar, nil)
		for _, status := range []string{"approved", "pending", "denied"} {
			ask("GET /webinars/{webinarId}/registrants", webinar+"/registrants?page_size=300&status="+status, nil)
		}
	}
	weekly := fmt.Sprintf("/webinars/%d/registrants", r.WebinarNumber)
	ask("GET /webinars/{webinarId}/registrants/{registrantId}", weekly+"/"+r.WebinarRegistrantID, nil)
	ask("POST /webinars/{webinarId}/registrants", weekly, map[string]any{"email": "a@example.net", "first_name": "A"})
	ask("POST /webinars/{webinarId}/registrants", fmt.Sprintf("/webinars/%d/registrants", r.ManualWebinar), map[string]any{"email": "a@example.net", "first_name": "A"})
	for _, id := range []string{strconv.FormatInt(r.WebinarNumber, 10), twice(r.WebinarInstance)} {
		ask("GET /past_webinars/{webinarId}/participants", "/past_webinars/"+id+"/participants?page_size=300", nil)
		ask("GET /past_webinars/{webinarId}/absentees", "/past_webinars/"+id+"/absentees?page_size=300", nil)
	}
	for _, number := range []int64{r.WebinarNumber, r.ManualWebinar, r.LiveWebinar} {
		ask("GET /webinars/{webinarId}/panelists", fmt.Sprintf("/webinars/%d/panelists", number), nil)
		ask("GET /past_webinars/{webinarId}/instances", fmt.Sprintf("/past_webinars/%d/instances", number), nil)
	}
}
