package ratelimit

import (
	"embed"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var lua embed.FS

// The scripts. Each takes the time from Redis, so that replicas need not agree
// on it, and times go in and out as microseconds, which a Lua number holds.
var (
	takeScript      = script("take")
	competingScript = script("competing")
	cancelScript    = script("cancel")
	lateScript      = script("late")
	blockScript     = script("block")
	observeScript   = script("observe")
	remainingScript = script("remaining")
	recordScript    = script("record")
	restoreScript   = script("restore")
	epochScript     = script("epoch")
	heartbeatScript = script("heartbeat")
)

// script returns the script in a file of that name.
func script(name string) *redis.Script { return redis.NewScript(source(name)) }

// source returns the text of a script. It leaves out the comment at its beginning,
// since Remaining sends the whole text each time.
func source(name string) string {
	text, err := lua.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		panic(err) // it is embedded
	}
	code := string(text)
	for strings.HasPrefix(code, "--") {
		_, code, _ = strings.Cut(code, "\n")
	}
	return code
}
