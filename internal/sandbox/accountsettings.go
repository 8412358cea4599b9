package sandbox

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func init() {
	handle("GET /accounts/{accountId}/settings", getSettings)
	handle("PATCH /accounts/{accountId}/settings", patchSettings)
	handle("GET /accounts/{accountId}/lock_settings", getLockedSettings)
	handle("PATCH /accounts/{accountId}/lock_settings", patchLockedSettings, answersOK)
	handle("GET /accounts/{accountId}/settings/registration", getRegistration)
	handle("PATCH /accounts/{accountId}/settings/registration", patchRegistration)
}

// accountSettings are the settings of a new account, each part under a name. They are JSON
// instead of Go types, because the sandbox only returns them and merges patches into them.
//
//go:embed account_settings.json
var accountSettings []byte

// part returns one part of the account's settings, for reading or changing.
func (w *world) part(name string) map[string]any {
	w.settingsMu.Lock()
	defer w.settingsMu.Unlock()
	if w.settings[name] == nil {
		var all map[string]map[string]any
		if err := json.Unmarshal(accountSettings, &all); err != nil {
			panic(fmt.Sprintf("sandbox: account_settings.json: %v", err))
		}
		for part, doc := range all {
			if w.settings[part] == nil {
				w.settings[part] = doc
			}
		}
	}
	return w.settings[name]
}

// settingsParts maps the values of option to parts; "" is the part without a name.
//
// Source: parameter option of GET /accounts/{accountId}/settings.
var settingsParts = map[string]string{
	"": "settings", "security": "security", "meeting_security": "meeting_security",
	"meeting_authentication": "meeting_authentication", "recording_authentication": "recording_authentication",
}

func (c *call) settingsPart() (string, error) {
	part, ok := settingsParts[c.query.Get("option")]
	if !ok {
		return "", invalid("option")
	}
	return part, nil
}

func getSettings(c *call) (any, error) {
	part, err := c.settingsPart()
	if err != nil {
		return nil, err
	}
	doc := c.world.part(part)
	if sub := c.subs.find(c.world.account); part == "settings" && sub != nil && sub.kind == "Zoom Video SDK" {
		doc = merged(doc, c.world.part("video_sdk")).(map[string]any)
	}
	return selectFields(doc, c.query.Get("custom_query_fields")), nil
}

// selectFields reduces a document to the named fields, within the objects that contain them.
func selectFields(doc map[string]any, names string) map[string]any {
	if names == "" {
		return doc
	}
	wanted := strings.Split(names, ",")
	out := map[string]any{}
	for name, v := range doc {
		if slices.Contains(wanted, name) {
			out[name] = v
		} else if below, ok := v.(map[string]any); ok {
			if some := selectFields(below, names); len(some) > 0 {
				out[name] = some
			}
		}
	}
	return out
}

func patchSettings(c *call) (any, error) {
	part, err := c.settingsPart()
	if err != nil {
		return nil, err
	}
	return nil, c.patchPart(part, authenticationOption, ssoBypass, etiquettePolicies)
}

func getLockedSettings(c *call) (any, error) {
	option, err := c.choice("option", "", "meeting_security")
	if err != nil {
		return nil, err
	}
	if option != "" {
		return selectFields(c.world.part("locked_meeting_security"), c.query.Get("custom_query_fields")), nil
	}
	return selectFields(c.world.part("locked"), c.query.Get("custom_query_fields")), nil
}

func patchLockedSettings(c *call) (any, error) {
	var body map[string]any
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if body["meeting_security"] != nil {
		return nil, c.patchPart("locked_meeting_security")
	}
	return nil, c.patchPart("locked")
}

func getRegistration(c *call) (any, error) {
	if _, err := c.choice("type", "webinar"); err != nil {
		return nil, err
	}
	return c.world.part("registration"), nil
}

func patchRegistration(c *call) (any, error) {
	if _, err := c.choice("type", "webinar"); err != nil {
		return nil, err
	}
	return nil, c.patchPart("registration")
}

// command is a field of a patch that is an action instead of a value. It removes itself from
// the patch and changes the document.
type command func(doc, patch map[string]any) error

// patchPart merges the body into a part. A refused patch has no effect.
func (c *call) patchPart(name string, commands ...command) error {
	var patch map[string]any
	if err := c.decode(&patch); err != nil {
		return err
	}
	doc := clone(c.world.part(name))
	for _, do := range commands {
		if err := do(doc, patch); err != nil {
			return err
		}
	}
	if at := mismatch("", doc, patch); at != "" {
		return invalid(at)
	}
	c.world.settings[name] = merged(doc, patch).(map[string]any)
	return nil
}

// mismatch returns the path of a field whose type differs between a patch and the document.
func mismatch(at string, doc, patch map[string]any) string {
	for name, v := range patch {
		old, there := doc[name]
		below := strings.TrimPrefix(at+"."+name, ".")
		was, wasObject := old.(map[string]any)
		now, isObject := v.(map[string]any)
		switch {
		case wasObject && isObject:
			if wrong := mismatch(below, was, now); wrong != "" {
				return wrong
			}
		case there && fmt.Sprintf("%T", old) != fmt.Sprintf("%T", v):
			return below
		}
	}
	return ""
}

// merged returns a document with a patch merged into it. Lists are replaced.
func merged(doc, patch any) any {
	old, ok := doc.(map[string]any)
	now, isObject := patch.(map[string]any)
	if !ok || !isObject {
		return patch
	}
	out := make(map[string]any, len(old))
	maps.Copy(out, old)
	for name, v := range now {
		out[name] = merged(old[name], v)
	}
	return out
}

// authenticationOption adds, changes or removes a way to sign in.
func authenticationOption(doc, patch map[string]any) error {
	o, ok := patch["authentication_option"].(map[string]any)
	if !ok {
		return nil
	}
	delete(patch, "authentication_option")
	action, _ := o["action"].(string)
	delete(o, "action")
	list, _ := doc["authentication_options"].([]any)
	at := slices.IndexFunc(list, func(v any) bool { return v.(map[string]any)["id"] == o["id"] })
	switch {
	case action == "add":
		o["id"], o["visible"] = fmt.Sprintf("sandboxSignIn%08dB", len(list)), true
		list = append(list, o)
	case at < 0:
		return invalid("authentication_option.id")
	case action == "delete":
		list = slices.Delete(list, at, at+1)
	case action == "update":
		list[at] = merged(list[at], o)
	default:
		return invalid("authentication_option.action")
	}
	doc["authentication_options"] = list
	return nil
}

// ssoBypass exempts users from single sign-on, or removes the exemption.
func ssoBypass(doc, patch map[string]any) error {
	security, _ := patch["security"].(map[string]any)
	sso, ok := security["signin_with_sso"].(map[string]any)
	if !ok || sso["sso_bypass_user_ids"] == nil {
		return nil
	}
	ids, _ := sso["sso_bypass_user_ids"].([]any)
	operation := sso["operation"]
	delete(sso, "sso_bypass_user_ids")
	delete(sso, "operation")
	now := doc["security"].(map[string]any)["signin_with_sso"].(map[string]any)
	list, _ := now["sso_bypass_users"].([]any)
	list = slices.DeleteFunc(list, func(v any) bool { return slices.Contains(ids, v.(map[string]any)["id"]) })
	if operation != "remove" {
		for _, id := range ids {
			list = append(list, map[string]any{"id": id})
		}
	}
	now["sso_bypass_users"] = list
	return nil
}

// etiquettePolicies adds, changes or removes chat etiquette policies.
func etiquettePolicies(doc, patch map[string]any) error {
	for _, part := range []string{"chat", "meeting_security"} {
		outer, _ := patch[part].(map[string]any)
		tool, ok := outer["chat_etiquette_tool"].(map[string]any)
		if !ok {
			continue
		}
		operate, given := tool["operate"], tool["policies"]
		delete(tool, "operate")
		delete(tool, "policies")
		now := doc[part].(map[string]any)["chat_etiquette_tool"].(map[string]any)
		list, err := changedPolicies(now["policies"], given, operate)
		if err != nil {
			return err
		}
		now["policies"] = list
	}
	return nil
}

func changedPolicies(now, given, operate any) ([]any, error) {
	list, _ := now.([]any)
	policies, _ := given.([]any)
	for _, p := range policies {
		policy, ok := p.(map[string]any)
		if !ok {
			return nil, invalid("chat_etiquette_tool.policies")
		}
		at := slices.IndexFunc(list, func(v any) bool { return v.(map[string]any)["id"] == policy["id"] })
		switch {
		case operate == "create":
			policy["id"] = fmt.Sprintf("sandboxPolicy%09dB", len(list))
			list = append(list, policy)
		case at < 0:
			return nil, invalid("chat_etiquette_tool.policies.id")
		case operate == "delete":
			list = slices.Delete(list, at, at+1)
		default:
			list[at] = merged(list[at], policy)
		}
	}
	return list, nil
}

// backgrounds returns the images that are offered to users as backgrounds.
func (w *world) backgrounds() []any {
	files, _ := w.backgroundSettings()["files"].([]any)
	return files
}

func (w *world) setBackgrounds(files []any) { w.backgroundSettings()["files"] = files }

func (w *world) backgroundSettings() map[string]any {
	inMeeting := w.part("settings")["in_meeting"].(map[string]any)
	return inMeeting["virtual_background_settings"].(map[string]any)
}
