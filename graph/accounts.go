package graph

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/endpoint"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// account is the scope's account by its key.
func (s *scope) account() *types.Account {
	return &types.Account{Origin: s.origin(), ZoomID: types.Text(s.client.AccountID())}
}

// accountTarget returns the account that a mutation names, or else the own one.
func accountTarget(ctx context.Context, by *types.AccountBy) (*target, error) {
	at, err := newTarget(ctx, by)
	if err == nil {
		at.id = at.account().ID()
	}
	return at, err
}

// newTarget returns the target of a write that makes something in the account that a
// mutation names, or else in the own one.
func newTarget(ctx context.Context, by *types.AccountBy) (*target, error) {
	if by == nil {
		return &target{scope: from(ctx).in("")}, nil
	}
	s, err := accountBy(ctx, by)
	return &target{s, argument.Named(*by)}, err
}

// subAccountTarget is accountTarget for mutations of sub accounts only.
func subAccountTarget(ctx context.Context, by *types.AccountBy) (*target, error) {
	at, err := accountTarget(ctx, by)
	if err == nil && at.client.Sub() == "" {
		err = errs.Invalid("account: it is the own account, and no sub account")
	}
	return at, err
}

// rootAccount is selectedAccount for a root. It reads a sub account of which no field with a call
// of its own is selected, since that call would fail if the account does not exist.
func (s *scope) rootAccount(ctx context.Context) (*types.Account, error) {
	want := needsOf(ctx, "Account")
	if s.client.Sub() != "" && !want.Edges && !want.Plain {
		return s.wholeAccount(ctx)
	}
	return s.selectedAccount(ctx)
}

// selectedAccount returns the account with the fields that are selected. Zoom returns an account
// to a master account only: for any other one, each of these fields has an error, and the
// edges are resolved.
func (s *scope) selectedAccount(ctx context.Context) (*types.Account, error) {
	want := needsOf(ctx, "Account")
	if !want.Lacks("") {
		return s.account(), nil
	}
	whole, err := s.wholeAccount(ctx)
	if err == nil || errors.Is(err, zoom.ErrNotFound) {
		return alone(ctx, whole, "Account"), err
	}
	at := graphql.GetPath(ctx)
	for _, n := range want.Fields {
		graphql.AddError(ctx, &errs.PathError{Err: err, Path: n.Path(at, -1)})
	}
	return s.account(), nil
}

// wholeAccount reads the scope's account. There is one in a scope, so there is no
// batch to wait for: the client joins calls of the same.
func (s *scope) wholeAccount(ctx context.Context) (*types.Account, error) {
	return zoom.GetAccount.Do(ctx, s.client, zoom.OwnAccount{})
}

// owner returns the owner of an account. Lists have only the owner's e-mail address.
func (s *scope) owner(ctx context.Context, a *types.Account) (*types.User, error) {
	if a.OwnerZoomID == "" && a.OwnerEmail == "" {
		whole, err := s.wholeAccount(ctx)
		if err != nil {
			return nil, err
		}
		a = whole
	}
	if a.OwnerZoomID != "" {
		return orNil(s.user(ctx, string(a.OwnerZoomID)))
	}
	return orNil(s.user(ctx, string(a.OwnerEmail)))
}

// subAccounts lists the sub accounts of the scope's account. Those of a reseller have the path
// of the own account.
func (s *scope) subAccounts(ctx context.Context, filter zoom.SubAccountFilter, first int, after *string) (*types.Connection[types.Account], error) {
	filter.SubResellerID = s.client.Sub()
	l := list.List[zoom.SubAccountFilter, types.Account]{
		Client: in(ctx, nil).client, Op: zoom.ListSubAccounts, Windows: list.Uncut(filter), First: first, After: after,
	}
	return connectWhole(ctx, l, "Account", s.wholeAccounts(ctx))
}

// wholeAccounts completes rows of a list, each by a call of its own, and keeps the fields that
// only lists have.
func (s *scope) wholeAccounts(ctx context.Context) func([]*types.Account) []zoom.Found[types.Account] {
	return func(rows []*types.Account) []zoom.Found[types.Account] {
		return batch.Each(s.client, func(ctx context.Context, row *types.Account) (*types.Account, error) {
			told, err := of(ctx, row).wholeAccount(ctx)
			if err != nil {
				return nil, err
			}
			whole := *told
			whole.BulkLicense = row.BulkLicense
			return &whole, nil
		})(ctx, rows)
	}
}

// settings reads one part of the settings.
func (s *scope) settings(ctx context.Context, option string, secrets bool) (*zoom.Settings, error) {
	return zoom.GetSettings.Do(ctx, s.client, zoom.SettingsKey{Option: option}, zoom.Secrets(secrets))
}

func (s *scope) authentication(ctx context.Context, option string) (*types.AccountAuthentication, error) {
	told, err := s.settings(ctx, option, false)
	if err != nil {
		return nil, err
	}
	return &told.AccountAuthentication, nil
}

func (s *scope) lockedSettings(ctx context.Context, option string) (*zoom.LockedSettings, error) {
	return zoom.GetLockedSettings.Do(ctx, s.client, zoom.SettingsKey{Option: option})
}

// webinars are the only registrations that an account has settings for.
var webinars = zoom.RegistrationKey{Type: "webinar"}

// settingsPatch returns the request that changes one part of the settings.
func settingsPatch(c *types.AccountSettingsChange) zoom.SettingsPatch {
	patch := func(option string, body any) zoom.SettingsPatch {
		return zoom.SettingsPatch{SettingsKey: zoom.SettingsKey{Option: option}, Body: body}
	}
	switch {
	case c.Security != nil:
		return patch(zoom.Security, map[string]any{zoom.Security: c.Security})
	case c.MeetingSecurity != nil:
		return patch(zoom.MeetingSecurity, map[string]any{zoom.MeetingSecurity: c.MeetingSecurity})
	case c.MeetingAuthentication != nil:
		return patch(zoom.MeetingAuthentication, c.MeetingAuthentication)
	case c.RecordingAuthentication != nil:
		return patch(zoom.RecordingAuthentication, c.RecordingAuthentication)
	}
	return patch("", c.Settings)
}

func lockedSettingsPatch(c *types.AccountLockedSettingsChange) zoom.LockedSettingsPatch {
	if c.MeetingSecurity != nil {
		return zoom.LockedSettingsPatch{Body: map[string]any{zoom.MeetingSecurity: c.MeetingSecurity}}
	}
	return zoom.LockedSettingsPatch{Body: c.Settings}
}

func (r *Resolver) createSubAccount(ctx context.Context, at *target, input types.CreateSubAccountInput) (*types.Account, error) {
	return create(ctx, r.Idempotency, at, creation[zoom.NewSubAccount, types.Account]{
		op: zoom.CreateSubAccount, in: zoom.NewSubAccount{Account: input.Account},
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.Account) string { return string(made.ZoomID) },
		read: func(ctx context.Context, id string) (*types.Account, error) {
			return from(ctx).in(id).wholeAccount(ctx)
		},
	})
}

// createdAccount returns a new account as the answer to its creation has it, or whole if more
// fields are selected.
func createdAccount(ctx context.Context, created *types.Account) (*types.Account, error) {
	switch {
	case created == nil:
		return nil, nil
	case needsOf(ctx, "Account").Lacks(zoom.CreateSubAccount.Pattern):
		return from(ctx).in(string(created.ZoomID)).selectedAccount(ctx)
	}
	return created, nil
}

func (s *scope) uploadVirtualBackground(ctx context.Context, file types.Upload) (*types.VirtualBackgroundFile, error) {
	switch {
	case len(file.Content) == 0:
		return nil, errs.Invalid("file: it is empty")
	case len(file.Content) > endpoint.MaxUpload:
		return nil, errs.Invalid("file: it is larger than 15 MiB")
	}
	switch file.Type {
	case "image/jpeg", "image/gif", "image/png":
		return zoom.UploadVirtualBackground.Do(ctx, s.client, zoom.NewVirtualBackground{File: file})
	}
	return nil, errs.Invalid("file: it is no JPEG, GIF or PNG")
}

func (s *scope) deleteVirtualBackgrounds(ctx context.Context, files []string) error {
	ids, err := argument.OneAtLeast("fileZoomIds", files)
	if err != nil {
		return err
	}
	return only(zoom.DeleteVirtualBackgrounds.Do(ctx, s.client, zoom.VirtualBackgroundRemoval{IDs: ids}))
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = string(t)
	}
	return out
}
