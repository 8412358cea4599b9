package zoom

import "zoomql/internal/zoom/types"

// OwnAccount is the input of operations on the client's account as a whole. It is empty:
// the client holds the account's id.
type OwnAccount struct{}

// SubAccountFilter selects sub accounts of the own account, or of one of its sub
// resellers.
type SubAccountFilter struct {
	SubResellerID string `query:"sub_reseller_id"`
	PhoneNumber   string `query:"phone_number"`
	Email         string `query:"email"`
}

// NewSubAccount is a sub account to be created.
type NewSubAccount struct {
	Account *types.NewSubAccount `body:""`
}

// AccountOptionsPatch changes the options that a master account shares with a sub account.
type AccountOptionsPatch struct {
	Options *types.AccountOptionsPatch `body:""`
}

// NewOwner names the next owner of an account.
type NewOwner struct {
	Body NewOwnerBody `body:""`
}

// NewOwnerBody names the next owner by e-mail address.
type NewOwnerBody struct {
	Email string `json:"email"`
}

// The parts of an account's settings that Zoom returns only on request.
const (
	MeetingAuthentication   = "meeting_authentication"
	RecordingAuthentication = "recording_authentication"
	Security                = "security"
	MeetingSecurity         = "meeting_security"
)

// SettingsKey names a part of the settings; "" means the settings that are in no named part.
type SettingsKey struct {
	Option string `query:"option"`
}

// Settings is the answer with one part of an account's settings.
type Settings struct {
	types.AccountSettings
	types.AccountAuthentication
	Security        *types.AccountSecurity        `json:"security,omitzero"`
	MeetingSecurity *types.AccountMeetingSecurity `json:"meeting_security,omitzero"`
}

// LockedSettings is the answer with the settings that are locked.
type LockedSettings struct {
	types.AccountLockedSettings
	MeetingSecurity *types.LockedMeetingSecurity `json:"meeting_security,omitzero"`
}

// SettingsPatch changes one part of the settings.
type SettingsPatch struct {
	SettingsKey
	Body any `body:""`
}

// LockedSettingsPatch locks and unlocks settings of one part.
type LockedSettingsPatch struct {
	Body any `body:""`
}

// RegistrationKey selects the kind of event that people register for; Zoom has settings for
// webinars only.
type RegistrationKey struct {
	Type string `query:"type"`
}

// RegistrationPatch changes how people register for webinars.
type RegistrationPatch struct {
	RegistrationKey
	Settings *types.WebinarRegistrationSettingsPatch `body:""`
}

// ManagedDomains is the answer with an account's domains.
type ManagedDomains struct {
	Domains []*types.ManagedDomain `json:"domains"`
	Counted
}

// TrustedDomains is the answer with the domains that an account trusts.
type TrustedDomains struct {
	Domains []types.Text `json:"trusted_domains"`
}

// NewVirtualBackground is an image to be offered to all users of an account.
type NewVirtualBackground struct {
	File types.Upload `file:"file"`
}

// VirtualBackgroundRemoval names the images to be deleted.
type VirtualBackgroundRemoval struct {
	IDs []string `query:"file_ids"`
}

const (
	masterOnly    = "account:master "
	masterRead    = "account:master account:write:master account:read:master "
	settingsRead  = "account:read:admin account:write:admin "
	settingsWrite = "account:write:admin "
)

var (
	settingsTags   = []string{"account:settings"}
	lockTags       = []string{"account:lock_settings"}
	accountTags    = []string{"account"}
	subAccountTags = []string{"accounts"}
	// staleAccount are the tags that a change of an account evicts: the master's
	// list of sub accounts too.
	staleAccount = []string{"account", "^accounts"}
)

// The operations on accounts. Those with {accountId} in the pattern have one path
// only: the own account is "me" in it.
var (
	ListSubAccounts = list(Spec{
		Pattern: "GET /accounts", Rate: Medium, Life: Slow, Array: "accounts", MaxPage: 300, OwnOnly: true,
		Scopes: masterRead + "account:read:list_sub_accounts:master",
		Tags:   subAccountTags,
	}, func(_ SubAccountFilter, a *types.Account) { a.Account = string(a.ZoomID) })
	CreateSubAccount = op(Spec{
		Pattern: "POST /accounts", Rate: Light, OwnOnly: true,
		Scopes: masterOnly + "account:write:sub_account:master",
		Evicts: subAccountTags,
	}, func(_ NewSubAccount, a *types.Account) { a.Account = string(a.ZoomID) })
	GetAccount = op[OwnAccount, types.Account](Spec{
		Pattern: "GET /accounts/{accountId}", Rate: Light, Life: Slow,
		Scopes: masterOnly + "account:read:sub_account:master account:read:sub_account:admin",
		Tags:   accountTags,
	})
	DisassociateSubAccount = op[OwnAccount, struct{}](Spec{
		Pattern: "DELETE /accounts/{accountId}", Rate: Light,
		Scopes: "account:master account:write:master account:delete:sub_account:master",
		Evicts: staleAccount,
	})
	UpdateAccountOptions = op[AccountOptionsPatch, struct{}](Spec{
		Pattern: "PATCH /accounts/{accountId}/options", Rate: Light,
		Scopes: masterOnly + "account:update:options:master",
		Evicts: staleAccount,
	})
	UpdateAccountOwner = op[NewOwner, struct{}](Spec{
		Pattern: "PUT /accounts/{accountId}/owner", Rate: Heavy,
		Scopes: "account:master account:write:admin account:update:owner:master account:update:owner:admin",
		Evicts: append([]string{"users"}, staleAccount...),
	})
	ListManagedDomains = op[OwnAccount, ManagedDomains](Spec{
		Pattern: "GET /accounts/{accountId}/managed_domains", Rate: Light, Life: Slow, Array: "domains",
		Scopes: masterRead + "account:read:admin account:read:managed_domains:master",
		Tags:   accountTags,
	})
	ListTrustedDomains = op[OwnAccount, TrustedDomains](Spec{
		Pattern: "GET /accounts/{accountId}/trusted_domains", Rate: Light, Life: Slow, Array: "trusted_domains",
		Scopes: masterRead + "account:read:admin account:read:trusted_domains:master",
		Tags:   accountTags,
	})
	GetSettings = op[SettingsKey, Settings](Spec{
		Pattern: "GET /accounts/{accountId}/settings", Rate: Medium, Life: Slow,
		Scopes: settingsRead + "account:read:settings:master account:read:settings:admin",
		Tags:   settingsTags,
	})
	UpdateSettings = op[SettingsPatch, struct{}](Spec{
		Pattern: "PATCH /accounts/{accountId}/settings", Rate: Medium,
		Scopes: settingsWrite + "account:update:settings:master account:update:settings:admin",
		Evicts: settingsTags,
	})
	GetLockedSettings = op[SettingsKey, LockedSettings](Spec{
		Pattern: "GET /accounts/{accountId}/lock_settings", Rate: Medium, Life: Slow, Unset: true,
		Scopes: settingsRead + "account:read:lock_settings:master",
		Tags:   lockTags,
	})
	UpdateLockedSettings = op[LockedSettingsPatch, struct{}](Spec{
		Pattern: "PATCH /accounts/{accountId}/lock_settings", Rate: Medium,
		Scopes: settingsWrite + "account:update:lock_settings:master account:update:lock_settings:admin",
		Evicts: lockTags,
	})
	GetRegistrationSettings = op[RegistrationKey, types.WebinarRegistrationSettings](Spec{
		Pattern: "GET /accounts/{accountId}/settings/registration", Rate: Medium, Life: Slow, Unset: true,
		Scopes: settingsRead + "account:read:master account:write:master account:read:registration_settings:master",
		Tags:   settingsTags,
	})
	UpdateRegistrationSettings = op[RegistrationPatch, struct{}](Spec{
		Pattern: "PATCH /accounts/{accountId}/settings/registration", Rate: Medium,
		Scopes: settingsWrite + "account:write:master account:update:registration_settings:master",
		Evicts: settingsTags,
	})
	UploadVirtualBackground = op[NewVirtualBackground, types.VirtualBackgroundFile](Spec{
		Pattern: "POST /accounts/{accountId}/settings/virtual_backgrounds", Rate: Medium,
		Scopes: settingsWrite + "account:master account:write:virtual_background_files:master account:write:virtual_background_files:admin",
		Evicts: settingsTags,
	})
	DeleteVirtualBackgrounds = op[VirtualBackgroundRemoval, struct{}](Spec{
		Pattern: "DELETE /accounts/{accountId}/settings/virtual_backgrounds", Rate: Light,
		Scopes: settingsWrite + "account:master account:delete:virtual_background_files:master account:delete:virtual_background_files:admin",
		Evicts: settingsTags,
	})
)
