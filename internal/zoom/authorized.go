package zoom

import (
	"context"
	"sync"
)

// authorized is the layer that fetches the token of a call, once, and checks that its scopes
// allow the call, which would otherwise be spent on a refusal. It precedes the breakers, which
// count only calls that are made, and the limiter, because a call that waits for a token
// after it was granted its place in the budget is sent late, together with calls of the next
// second.
//
//	reads:   the request
//	writes:  token
//	refuses: [ByOAuth] if there is no token; [ByGateway] a call that the scopes do not
//	         allow, that the account's plan does not include, as far as is known, or that
//	         would go to a host which is not Zoom's
func authorized(cfg Config, plans *planRefusals) Layer {
	var warn sync.Once
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			token, err := req.Credential.Tokens.Token(ctx)
			if err != nil {
				return nil, err
			}
			if err := cfg.mayGo(token, req.Spec.Pattern); err != nil {
				warn.Do(func() {
					cfg.Log.WarnContext(ctx, "no call is made: the account is on another cloud", "host", token.ForeignHost)
				})
				return nil, err
			}
			for _, granted := range req.Credential.Grants(token) {
				if s := req.Spec; !s.Allows(req.Account, granted) {
					return nil, missingScope(s, req.Account)
				}
			}
			if err := cfg.beyondPlan(plans, req.Spec, req.Account); err != nil {
				return nil, err
			}
			allowed := *req
			allowed.token = token
			resp, err := next(ctx, &allowed)
			plans.learn(req, err)
			return resp, err
		}
	}
}
