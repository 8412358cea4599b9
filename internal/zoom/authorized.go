package zoom

import (
	"context"
	"sync"
)

// authorized is the layer that fetches the token of a call, once, and sees that it allows the
// call, which would else be spent on a refusal. It stands before the breakers, which are to
// know nothing of calls that are never made, and before the limiter, because a call that
// waited for a token after its turn in the budget would be sent late, together with calls of
// the next second.
//
//	reads:   what is asked
//	writes:  token
//	refuses: [ByOAuth] where there is no token; [ByGateway] a call that the scopes do not
//	         allow, or that would lead to a host which is not Zoom's
func authorized(cfg Config) Layer {
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
					return nil, &Error{Op: s.Pattern, By: ByGateway, Kind: ErrMissingScope, Message: "any one of these is enough: " + s.ScopesIn(req.Account)}
				}
			}
			allowed := *req
			allowed.token = token
			return next(ctx, &allowed)
		}
	}
}
