package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Owner(ctx context.Context, obj *types.Account) (*types.User, error) {
	return of(ctx, obj).owner(ctx, obj)
}

func (r *accountResolver) SubAccounts(ctx context.Context, obj *types.Account, first int, after *string, phoneNumber *string, email *string) (*types.Connection[types.Account], error) {
	if err := argument.Filled(map[string]*string{"phoneNumber": phoneNumber, "email": email}); err != nil {
		return nil, err
	}
	return of(ctx, obj).subAccounts(ctx, zoom.SubAccountFilter{PhoneNumber: deref(phoneNumber), Email: deref(email)}, first, after)
}

func (r *accountResolver) Users(ctx context.Context, obj *types.Account, first int, after *string, status types.UserStatus, roleID *string) (*types.Connection[types.User], error) {
	role, err := argument.Optional("roleId", roleID)
	if err != nil {
		return nil, err
	}
	l := list.List[zoom.UserFilter, types.User]{
		Client: of(ctx, obj).client, Op: zoom.ListUsers, Windows: list.Uncut(zoom.UserFilter{Status: status, RoleID: role}),
		First: first, After: after, Saw: of(ctx, obj).directory().Saw(ctx),
	}
	return connectWhole(ctx, l, "User", of(ctx, obj).wholeUsers(ctx))
}

func (r *accountResolver) User(ctx context.Context, obj *types.Account, by types.UserBy) (*types.User, error) {
	s := of(ctx, obj)
	if err := s.holds("by", by.ID); err != nil {
		return nil, err
	}
	name, err := argument.Key("", by)
	if err != nil {
		return nil, err
	}
	return orNil(s.rootUser(ctx, name))
}

func (r *accountResolver) Meeting(ctx context.Context, obj *types.Account, by types.MeetingBy) (*types.Meeting, error) {
	s := of(ctx, obj)
	if err := s.holds("by", by.ID); err != nil {
		return nil, err
	}
	number, err := argument.Number("meeting", by)
	if err != nil {
		return nil, err
	}
	return orNil(s.meeting(ctx, number))
}

func (r *accountResolver) MeetingInstance(ctx context.Context, obj *types.Account, by types.MeetingInstanceBy) (*types.MeetingInstance, error) {
	s := of(ctx, obj)
	if err := s.holds("by", by.ID); err != nil {
		return nil, err
	}
	uuid, err := argument.Key("", by)
	if err != nil {
		return nil, err
	}
	return orNil(s.instance(ctx, uuid))
}

func (r *accountResolver) Reports(ctx context.Context, obj *types.Account) (*types.AccountReports, error) {
	return &types.AccountReports{Origin: of(ctx, obj).origin()}, nil
}

func (r *accountResolver) ManagedDomains(ctx context.Context, obj *types.Account) ([]*types.ManagedDomain, error) {
	told, err := zoom.ListManagedDomains.Do(ctx, of(ctx, obj).client, zoom.OwnAccount{})
	if err != nil {
		return nil, err
	}
	return list.AtOnce(ctx, zoom.ListManagedDomains.Spec, told.Domains, told.Counted), nil
}

func (r *accountResolver) TrustedDomains(ctx context.Context, obj *types.Account) ([]string, error) {
	told, err := zoom.ListTrustedDomains.Do(ctx, of(ctx, obj).client, zoom.OwnAccount{})
	if err != nil {
		return nil, err
	}
	return texts(told.Domains), nil
}

func (r *accountResolver) Settings(ctx context.Context, obj *types.Account) (*types.AccountSettings, error) {
	told, err := of(ctx, obj).settings(ctx, "", needsOf(ctx, "AccountSettings").Secrets)
	if err != nil {
		return nil, err
	}
	return &told.AccountSettings, nil
}

func (r *accountResolver) Security(ctx context.Context, obj *types.Account) (*types.AccountSecurity, error) {
	told, err := of(ctx, obj).settings(ctx, zoom.Security, false)
	if err != nil {
		return nil, err
	}
	return told.Security, nil
}

func (r *accountResolver) MeetingSecurity(ctx context.Context, obj *types.Account) (*types.AccountMeetingSecurity, error) {
	told, err := of(ctx, obj).settings(ctx, zoom.MeetingSecurity, false)
	if err != nil {
		return nil, err
	}
	return told.MeetingSecurity, nil
}

func (r *accountResolver) MeetingAuthentication(ctx context.Context, obj *types.Account) (*types.AccountAuthentication, error) {
	return of(ctx, obj).authentication(ctx, zoom.MeetingAuthentication)
}

func (r *accountResolver) RecordingAuthentication(ctx context.Context, obj *types.Account) (*types.AccountAuthentication, error) {
	return of(ctx, obj).authentication(ctx, zoom.RecordingAuthentication)
}

func (r *accountResolver) LockedSettings(ctx context.Context, obj *types.Account) (*types.AccountLockedSettings, error) {
	told, err := of(ctx, obj).lockedSettings(ctx, "")
	if err != nil {
		return nil, err
	}
	return &told.AccountLockedSettings, nil
}

func (r *accountResolver) LockedMeetingSecurity(ctx context.Context, obj *types.Account) (*types.LockedMeetingSecurity, error) {
	told, err := of(ctx, obj).lockedSettings(ctx, zoom.MeetingSecurity)
	if err != nil {
		return nil, err
	}
	return told.MeetingSecurity, nil
}

func (r *accountResolver) WebinarRegistrationSettings(ctx context.Context, obj *types.Account) (*types.WebinarRegistrationSettings, error) {
	return zoom.GetRegistrationSettings.Do(ctx, of(ctx, obj).client, webinars)
}

func (r *accountPayloadResolver) Account(ctx context.Context, obj *types.AccountPayload) (*types.Account, error) {
	if len(obj.UserErrors) > 0 {
		return nil, nil
	}
	return of(ctx, obj).selectedAccount(ctx)
}

func (r *createSubAccountPayloadResolver) Account(ctx context.Context, obj *types.CreateSubAccountPayload) (*types.Account, error) {
	return createdAccount(ctx, obj.Created)
}

func (r *mutationResolver) CreateSubAccount(ctx context.Context, input types.CreateSubAccountInput) (*types.CreateSubAccountPayload, error) {
	at, err := newTarget(ctx, nil)
	return write(ctx, at, err, func(p *types.CreateSubAccountPayload) (err error) {
		p.Created, err = r.createSubAccount(ctx, at, input)
		return err
	})
}

func (r *mutationResolver) DisassociateSubAccount(ctx context.Context, input types.DisassociateSubAccountInput) (*types.DisassociateSubAccountPayload, error) {
	at, err := subAccountTarget(ctx, input.Account)
	return write(ctx, at, err, func(*types.DisassociateSubAccountPayload) error {
		return only(zoom.DisassociateSubAccount.Do(ctx, at.client, zoom.OwnAccount{}))
	})
}

func (r *mutationResolver) UpdateAccountOptions(ctx context.Context, input types.UpdateAccountOptionsInput) (*types.AccountPayload, error) {
	at, err := subAccountTarget(ctx, input.Account)
	return write(ctx, at, err, func(*types.AccountPayload) error {
		return only(zoom.UpdateAccountOptions.Do(ctx, at.client, zoom.AccountOptionsPatch{Options: input.Patch}))
	})
}

func (r *mutationResolver) UpdateAccountOwner(ctx context.Context, input types.UpdateAccountOwnerInput) (*types.AccountPayload, error) {
	at, err := accountTarget(ctx, input.Account)
	return write(ctx, at, err, func(*types.AccountPayload) error {
		return only(zoom.UpdateAccountOwner.Do(ctx, at.client, zoom.NewOwner{Body: zoom.NewOwnerBody{Email: input.Email}}))
	})
}

func (r *mutationResolver) UpdateAccountSettings(ctx context.Context, input types.UpdateAccountSettingsInput) (*types.AccountPayload, error) {
	at, err := accountTarget(ctx, input.Account)
	return write(ctx, at, err, func(*types.AccountPayload) error {
		return only(zoom.UpdateSettings.Do(ctx, at.client, settingsPatch(input.Change)))
	})
}

func (r *mutationResolver) UpdateAccountLockedSettings(ctx context.Context, input types.UpdateAccountLockedSettingsInput) (*types.AccountPayload, error) {
	at, err := accountTarget(ctx, input.Account)
	return write(ctx, at, err, func(*types.AccountPayload) error {
		return only(zoom.UpdateLockedSettings.Do(ctx, at.client, lockedSettingsPatch(input.Change)))
	})
}

func (r *mutationResolver) UpdateWebinarRegistrationSettings(ctx context.Context, input types.UpdateWebinarRegistrationSettingsInput) (*types.AccountPayload, error) {
	at, err := accountTarget(ctx, input.Account)
	return write(ctx, at, err, func(*types.AccountPayload) error {
		return only(zoom.UpdateRegistrationSettings.Do(ctx, at.client, zoom.RegistrationPatch{RegistrationKey: webinars, Settings: input.Patch}))
	})
}

func (r *mutationResolver) UploadVirtualBackground(ctx context.Context, input types.UploadVirtualBackgroundInput) (*types.UploadVirtualBackgroundPayload, error) {
	at, err := newTarget(ctx, input.Account)
	return write(ctx, at, err, func(p *types.UploadVirtualBackgroundPayload) (err error) {
		p.File, err = at.uploadVirtualBackground(ctx, input.File)
		return err
	})
}

func (r *mutationResolver) DeleteVirtualBackgrounds(ctx context.Context, input types.DeleteVirtualBackgroundsInput) (*types.AccountPayload, error) {
	at, err := accountTarget(ctx, input.Account)
	return write(ctx, at, err, func(*types.AccountPayload) error {
		return at.deleteVirtualBackgrounds(ctx, input.FileZoomIds)
	})
}

func (r *queryResolver) Account(ctx context.Context, by *types.AccountBy) (*types.Account, error) {
	s, err := accountBy(ctx, by)
	if err != nil {
		return nil, err
	}
	return orNil(s.rootAccount(ctx))
}

func (r *userResolver) Account(ctx context.Context, obj *types.User) (*types.Account, error) {
	return orNil(of(ctx, obj).selectedAccount(ctx))
}

func (r *Resolver) Account() generated.AccountResolver { return &accountResolver{r} }

func (r *Resolver) AccountPayload() generated.AccountPayloadResolver {
	return &accountPayloadResolver{r}
}

func (r *Resolver) CreateSubAccountPayload() generated.CreateSubAccountPayloadResolver {
	return &createSubAccountPayloadResolver{r}
}

type (
	accountResolver                 struct{ *Resolver }
	accountPayloadResolver          struct{ *Resolver }
	createSubAccountPayloadResolver struct{ *Resolver }
)
