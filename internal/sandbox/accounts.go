package sandbox

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strings"
)

func init() {
	handle("GET /accounts", listAccounts)
	handle("POST /accounts", createAccount)
	handle("GET /accounts/{accountId}", getAccount)
	handle("DELETE /accounts/{accountId}", removeAccount)
	handle("PATCH /accounts/{accountId}/options", patchOptions, answersOK)
	handle("PUT /accounts/{accountId}/owner", changeOwner)
	handle("GET /accounts/{accountId}/managed_domains", managedDomains)
	handle("GET /accounts/{accountId}/trusted_domains", trustedDomains)
	handle("POST /accounts/{accountId}/settings/virtual_backgrounds", uploadBackground, upload)
	handle("DELETE /accounts/{accountId}/settings/virtual_backgrounds", removeBackgrounds)
}

// accountOptions are the options that a master account sets for a sub account.
type accountOptions struct {
	BillingAutoRenew             bool     `json:"billing_auto_renew"`
	MeetingConnectorList         []string `json:"meeting_connector_list,omitempty"`
	PayMode                      string   `json:"pay_mode"`
	RoomConnectorList            []string `json:"room_connector_list,omitempty"`
	ShareMC                      bool     `json:"share_mc"`
	ShareRC                      bool     `json:"share_rc"`
	ResourceMeetingHybridList    []string `json:"resource_meeting_hybrid_list,omitempty"`
	ResourceMeetingConnectorList []string `json:"resource_meeting_connector_list,omitempty"`
	ResourceShareMC              bool     `json:"resource_share_mc"`
	ResourceShareMH              bool     `json:"resource_share_mh"`
}

// check returns an error for options that the documents do not allow.
func (o accountOptions) check(at string) error {
	switch {
	case o.PayMode != "master" && o.PayMode != "sub":
		return invalid(at + "pay_mode")
	case len(o.MeetingConnectorList) > 0 && !o.ShareMC:
		return badRequest(2115, "Some meeting connectors you provided cannot be found.")
	case len(o.RoomConnectorList) > 0 && !o.ShareRC:
		return badRequest(2100, "Room connectors can only be listed while share_rc is true.")
	}
	return nil
}

// listedAccount is a sub account as GET /accounts has it.
type listedAccount struct {
	ID                string `json:"id"`
	AccountName       string `json:"account_name"`
	AccountNumber     int64  `json:"account_number"`
	AccountType       string `json:"account_type"`
	CreatedAt         string `json:"created_at"`
	OwnerEmail        string `json:"owner_email"`
	Seats             int    `json:"seats"`
	SubscriptionStart string `json:"subscription_start_time,omitempty"`
	SubscriptionEnd   string `json:"subscription_end_time,omitempty"`
	Reseller          bool   `json:"reseller"`
	BulkLicense       *bool  `json:"bulk_license,omitempty"` // in lists only
}

type fullAccount struct {
	listedAccount
	Options   accountOptions `json:"options"`
	OwnerID   string         `json:"owner_id"`
	VanityURL string         `json:"vanity_url,omitempty"`
}

func (s *subOf) listed() listedAccount {
	w := s.world()
	a := listedAccount{
		ID: s.id, AccountName: s.name, AccountNumber: s.serial, AccountType: s.kind, Reseller: s.reseller,
		CreatedAt: stamp(s.created), OwnerEmail: w.email(w.owner), Seats: w.opt.Users,
	}
	if s.kind != "Free" {
		a.SubscriptionStart, a.SubscriptionEnd = stamp(s.created), stamp(s.created.AddDate(3, 0, 0))
	}
	return a
}

// row returns a sub account for a list that another account has requested. It takes the
// sub account's lock, which such a call does not hold.
func (s *subOf) row() listedAccount {
	w := s.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return s.listed()
}

func listAccounts(c *call) (any, error) {
	parent := c.query.Get("sub_reseller_id")
	if parent != "" && c.subs.find(parent) == nil {
		return nil, noAccount(parent)
	}
	var rows []*subOf
	for _, s := range c.subs.children(parent) {
		if mail := c.query.Get("email"); mail != "" && !strings.EqualFold(s.row().OwnerEmail, mail) {
			continue
		}
		if phone := c.query.Get("phone_number"); phone != "" && s.phone != phone {
			continue
		}
		rows = append(rows, s)
	}
	return c.page(len(rows), func(i int) any {
		row := rows[i].row()
		row.BulkLicense = new(rows[i].kind == "Bulk License")
		return row
	}, c.pageNumber())
}

// newAccount is the body of POST /accounts.
type newAccount struct {
	AccountName   string          `json:"account_name"`
	Email         string          `json:"email"`
	FirstName     string          `json:"first_name"`
	LastName      string          `json:"last_name"`
	Password      string          `json:"password"`
	Options       *accountOptions `json:"options"`
	SubResellerID string          `json:"sub_reseller_id"`
	TransferCode  string          `json:"transfer_code"`
}

func (n *newAccount) check(c *call) error {
	var wrong []string
	for _, f := range []struct {
		name, value string
		most        int
		needed      bool
	}{
		{"account_name", n.AccountName, 64, false},
		{"email", n.Email, 128, true},
		{"first_name", n.FirstName, 64, true},
		{"last_name", n.LastName, 64, true},
	} {
		if len(f.value) > f.most || f.needed && f.value == "" {
			wrong = append(wrong, f.name)
		}
	}
	if len(n.Password) < 8 {
		wrong = append(wrong, "password")
	}
	switch {
	case wrong != nil:
		return invalid(wrong...)
	case !strings.Contains(n.Email, "@"):
		return invalid("email")
	case n.TransferCode != "":
		return badRequest(11102, "Invalid account transfer token.")
	case repeats(n.Password):
		return badRequest(1111, "Password should not contain repeated characters such as \"aaaaaa\".")
	case n.SubResellerID != "" && c.subs.find(n.SubResellerID) == nil:
		return noAccount(n.SubResellerID)
	case c.subs.mailTaken(n.Email):
		return &zoomError{http.StatusConflict, 1005, "Email \"" + n.Email + "\" has already been used.", nil}
	}
	return n.Options.check("options.")
}

func repeats(s string) bool {
	run := 1
	for i := 1; i < len(s); i++ {
		if run++; s[i] != s[i-1] {
			run = 1
		}
		if run == 6 {
			return true
		}
	}
	return false
}

func createAccount(c *call) (any, error) {
	n := newAccount{Options: &accountOptions{PayMode: "master"}}
	if err := c.decode(&n); err != nil {
		return nil, err
	}
	if n.Options == nil {
		n.Options = &accountOptions{PayMode: "master"}
	}
	if err := n.check(c); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(n.Email, "@")
	sub := c.subs.newSub(c.subs.next(), 1, domain, &person{n.Email, n.FirstName, n.LastName})
	sub.name, sub.parent, sub.created, sub.options = orElse(n.AccountName, n.FirstName+" "+n.LastName), n.SubResellerID, c.now, *n.Options
	c.subs.add(sub)
	return map[string]any{"created_at": stamp(c.now), "id": sub.id, "owner_email": n.Email, "owner_id": sub.world().userID(owner)}, nil
}

func getAccount(c *call) (any, error) {
	w := c.world
	a := &fullAccount{OwnerID: w.userID(w.owner), Options: accountOptions{PayMode: "master"}}
	if sub := c.subs.find(w.account); sub != nil {
		a.listedAccount, a.Options = sub.listed(), sub.options
		return a, nil
	}
	a.listedAccount = listedAccount{
		ID: w.account, AccountName: "Sandbox", AccountNumber: w.serial, AccountType: "Enterprise",
		CreatedAt: stamp(w.start.AddDate(-5, 0, 0)), OwnerEmail: w.email(w.owner), Seats: w.opt.Users,
		SubscriptionStart: stamp(w.start.AddDate(-5, 0, 0)), SubscriptionEnd: stamp(w.start.AddDate(1, 0, 0)),
	}
	a.VanityURL = "https://sandbox.zoom.example"
	return a, nil
}

// sub returns the sub account of the path. It returns an error for the caller's own account.
func (c *call) sub() (*subOf, error) {
	if sub := c.subs.find(c.world.account); sub != nil {
		return sub, nil
	}
	return nil, noAccount(c.path("accountId"))
}

func removeAccount(c *call) (any, error) {
	sub, err := c.sub()
	if err == nil {
		c.subs.remove(sub.id)
	}
	return nil, err
}

func patchOptions(c *call) (any, error) {
	sub, err := c.sub()
	if err != nil {
		return nil, err
	}
	o := clone(sub.options)
	if err := c.decode(&o); err != nil {
		return nil, err
	}
	if err := o.check(""); err != nil {
		return nil, err
	}
	sub.options = o
	return nil, nil
}

func changeOwner(c *call) (any, error) {
	var body struct {
		Email string `json:"email"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	w := c.world
	i, ok := c.userIndex(body.Email)
	switch {
	case !ok || !w.hasUser(i):
		return nil, notFound(3211, "User \""+body.Email+"\" does not belong to this account.")
	case w.status(i) != "active":
		return nil, notFound(3201, "The new owner is not an active user.")
	}
	w.setRole(w.owner, w.role(adminRole))
	w.setRole(i, w.role(ownerRole))
	w.owner = i
	return nil, nil
}

func managedDomains(c *call) (any, error) {
	return map[string]any{"total_records": 2, "domains": []map[string]string{
		{"domain": c.world.domain, "status": "verified"},
		{"domain": "old." + c.world.domain, "status": "pending"},
	}}, nil
}

func trustedDomains(c *call) (any, error) {
	return map[string]any{"trusted_domains": []string{c.world.domain, "partner.example.org"}}, nil
}

// A background is an image of up to 15 MB. An account has at most ten.
//
// Source: code 120 of POST /accounts/{accountId}/settings/virtual_backgrounds.
const (
	maxBackgrounds = 10
	maxBackground  = 15 << 20
	maxUpload      = maxBackground + maxBody
)

func uploadBackground(c *call) (any, error) {
	name, content, err := c.file("file")
	if err != nil {
		return nil, err
	}
	files := c.world.backgrounds()
	kind := http.DetectContentType(content)
	switch {
	case len(content) > maxBackground:
		return nil, badRequest(120, "File size cannot exceed 15M.")
	case kind != "image/jpeg" && kind != "image/gif" && kind != "image/png":
		return nil, badRequest(120, "File uploads must be in \"jpg/jpeg\", \"gif\", or \"png\" file format.")
	case len(files) >= maxBackgrounds:
		return nil, badRequest(120, "A maximum of 10 files are allowed for a user.")
	}
	c.world.lastID++
	file := map[string]any{
		"id": sealID(c.world.seed, sealOther, 1<<50|c.world.lastID), "is_default": false,
		"name": name, "size": len(content), "type": "image",
	}
	c.world.setBackgrounds(append(files, file))
	return file, nil
}

// file returns the name and the content of the form's one file.
func (c *call) file(name string) (string, []byte, error) {
	missing := badRequest(120, "No file uploaded. Verify that a file has been uploaded.")
	media, attrs, err := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return "", nil, missing
	}
	form := multipart.NewReader(bytes.NewReader(c.body), attrs["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return "", nil, missing
		}
		if part.FormName() != name || part.FileName() == "" {
			continue
		}
		content, err := io.ReadAll(part)
		if err != nil || len(content) == 0 {
			return "", nil, missing
		}
		return path.Base(part.FileName()), content, nil
	}
}

func removeBackgrounds(c *call) (any, error) {
	files := c.world.backgrounds()
	var kept []any
	gone := map[string]bool{}
	for id := range strings.SplitSeq(c.query.Get("file_ids"), ",") {
		gone[id] = false
	}
	for _, f := range files {
		id, _ := f.(map[string]any)["id"].(string)
		if _, named := gone[id]; named {
			gone[id] = true
			continue
		}
		kept = append(kept, f)
	}
	for _, there := range gone {
		if !there {
			return nil, badRequest(300, "Invalid parameter: file_ids")
		}
	}
	c.world.setBackgrounds(kept)
	return nil, nil
}
