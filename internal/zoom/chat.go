package zoom

import "zoomql/internal/zoom/types"

// ChatMessageFilter selects messages of one user, by contact or channel and by time.
type ChatMessageFilter struct {
	UserID        string                `path:"userId"`
	ToContact     string                `query:"to_contact"`
	ToChannel     string                `query:"to_channel"`
	Date          types.Date            `query:"date"`
	From          string                `query:"from"` // yyyy-MM-ddTHH:mm:ssZ, as To
	To            string                `query:"to"`
	SearchIn      types.ChatSearchPlace `query:"search_type"`
	SearchFor     string                `query:"search_key"`
	Changed       bool                  `query:"include_deleted_and_edited_message"`
	WithoutReply  bool                  `query:"exclude_child_message"`
	DownloadFiles string                `query:"download_file_formats"`
}

// The operations on Zoom's chat.
var (
	ListChatChannels = list(Spec{
		Pattern: "GET /chat/users/{userId}/channels", Rate: Medium, Life: Slow, Array: "channels", MaxPage: 1000, OwnOnly: true,
		Scopes: "chat_channel:read chat_channel:write chat_channel:read:admin chat_channel:write:admin " +
			"team_chat:read:list_user_channels team_chat:read:list_user_channels:admin",
		Tags: []string{"user:{userId}:channels"},
	}, func(in UserKey, c *types.ChatChannel) { c.User = in.UserID })
	ListChatMessages = list[ChatMessageFilter, types.ChatMessage](Spec{
		Pattern: "GET /chat/users/{userId}/messages", Rate: Medium, Life: Live, Array: "messages", MaxPage: 50, OwnOnly: true,
		Scopes: "chat_message:read chat_message:write chat_message:read:admin chat_message:write:admin " +
			"team_chat:read:list_user_messages team_chat:read:list_user_messages:admin",
		Tags: []string{"user:{userId}:messages"},
	})
)
