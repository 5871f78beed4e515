"""Password providers of the interface from before there were callbacks."""

from twisted.internet import defer


class Everything:
    """All five methods, in the three ways that such functions were written."""

    def __init__(self, config, account_handler):
        self.account_handler = account_handler
        self.config = config
        self.logged_out = []

    @staticmethod
    def parse_config(config):
        return config

    def get_supported_login_types(self):
        return {"m.login.password": ("password",), "org.example": ("first", "second"), "org.text": "one"}

    @defer.inlineCallbacks
    def check_auth(self, username, login_type, login_dict):
        if login_type == "org.text":
            return None
        user_id = self.account_handler.get_qualified_user_id(username)
        if not (yield self.account_handler.check_user_exists(user_id)):
            user_id, token = yield self.account_handler.register(localpart=username)
        if login_dict.get("first") == "callback":
            return user_id, self.respond
        defer.returnValue(user_id)

    def respond(self, response):
        response["by"] = "plain function"

    def check_3pid_auth(self, medium, address, password):
        return defer.succeed("@%s:example.org" % address if password == "right" else None)

    def on_logged_out(self, user_id, device_id, access_token):
        self.logged_out.append(user_id)


class Password:
    """check_password alone, as a coroutine; its constructor is like today's."""

    def __init__(self, config, api):
        self.api = api

    async def check_password(self, user_id, password):
        return bool(await self.api.check_user_exists(user_id)) and password == "right"


class Today:
    """Registers today's callbacks, and has a method of that name for itself."""

    def __init__(self, config, api):
        api.register_account_data_callbacks(on_account_data_updated=self.updated)

    async def updated(self, *args):
        return None

    def check_password(self, user_id, password):
        return True
