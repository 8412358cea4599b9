package zoom

import (
	"context"
	"sync"
)

// authorized sees that there is a token, and that it allows the call: one that
// lacks the scope would only spend a call to hear so. It stands before the
// breakers, which are to know nothing of calls that are never made, and before the
// limiter, because a call that waited for a token after its turn in the budget
// would be sent late, together with calls of the next second.
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
					return nil, &Error{Op: s.Pattern, Kind: ErrMissingScope, Message: "any one of these is enough: " + s.ScopesIn(req.Account)}
				}
			}
			return next(ctx, req)
		}
	}
}
