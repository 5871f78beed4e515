#include "sessions/sso_login.h"

#include "accounts/accounts.h"
#include "sessions/login_tokens.h"
#include "sessions/session_settings.h"
#include "text/server_name.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/account_validity.h>
#include <callbacks/errors.h>

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;
using modapi::escaped_html;
using modapi::Response;

/// Schemes that a browser runs or shows by itself: no client waits behind them, and a link to one would be a trap.
constexpr std::string_view refused_schemes[] = {"javascript", "data", "vbscript", "blob", "file", "about"};

[[noreturn]] void refuse_url() { throw SynapseError(400, "Invalid redirect URL", Codes::INVALID_PARAM); }

std::string lower_case_scheme(const boost::urls::url& url) {
    std::string scheme(url.scheme());
    std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                   [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; });
    return scheme;
}

boost::urls::url parsed_url(const std::string& text) {
    const auto parsed = boost::urls::parse_uri(text);
    if (!parsed) refuse_url();
    boost::urls::url url(*parsed);
    const std::string scheme = lower_case_scheme(url);
    if (std::find(std::begin(refused_schemes), std::end(refused_schemes), scheme) != std::end(refused_schemes)) refuse_url();
    return url;
}

/// Whether `url` is what the operator listed, or lies below it: `https://a.example` doesn't list `https://a.example.org`.
bool is_listed(const std::vector<std::string>& whitelist, std::string_view url) {
    return std::any_of(whitelist.begin(), whitelist.end(), [url](std::string_view listed) {
        if (listed.empty() || !url.starts_with(listed)) return false;
        const bool is_at_boundary = listed.ends_with('/') || url.size() == listed.size();
        return is_at_boundary || std::string_view("/?#").find(url[listed.size()]) != std::string_view::npos;
    });
}

Response redirect_to(const std::string& url) {
    Response response;
    response.status = 302;
    response.headers.emplace_back("Location", url);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

/// `state`: `deactivated`, `locked`.
Response unusable_page(const std::string& state) {
    return modapi::html_response(403, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Account " + state +
                                          "</title></head><body><h1>Account " + state + "</h1><p>This account has been " +
                                          state + ".</p></body></html>");
}

Response confirmation_page(const ServerName& server_name, const SsoLogin& login, const std::string& client,
                           const std::string& url) {
    const std::string server = escaped_html(server_name.text());
    const std::string user = escaped_html(login.user_id);
    std::string page =
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Continue to your account</title>"
        "</head><body><h1>Continue to your account</h1>";
    if (login.is_new_user) page += "<p>Your account " + user + " was made on " + server + ".</p>";
    page += "<p>A client at <strong>" + escaped_html(client) + "</strong> wants to use your account " + user + " on " + server +
            ".</p><p><a href=\"" + escaped_html(url) + "\">Continue</a></p></body></html>";
    Response response = modapi::html_response(200, page);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

/// What the user is to recognize the client by: a host, or the scheme of an application.
std::string client_name(const boost::urls::url& url) {
    const bool is_web = lower_case_scheme(url).starts_with("http");
    return is_web ? std::string(url.encoded_host()) : std::string(url.scheme()) + "://";
}

}  // namespace

async::task<Response> finish_sso_login(modapi::Database& database, const async::clock& clock, const ServerName& server_name,
                                       const SsoSettings& sso_settings, callbacks::AccountValidityDispatch& account_validity,
                                       SsoLogin login) {
    boost::urls::url url = parsed_url(login.client_redirect_url);
    const std::optional<Account> account = co_await database.read("find_account", &find_account, login.user_id);
    if (!account) throw SynapseError(404, "No row found");
    if (account->deactivated) co_return unusable_page("deactivated");
    if (account->locked) co_return unusable_page("locked");
    const std::optional<std::string> type = "m.login.sso";
    const std::optional<std::string> provider = login.auth_provider_id;
    co_await account_validity.on_user_login(login.user_id, type, provider);
    LoginToken token;
    token.user_id = login.user_id;
    token.auth_provider_id = login.auth_provider_id;
    std::string text;
    std::string unusable;
    try {
        text = co_await create_login_token(database, clock, std::move(token), std::nullopt);
    } catch (const SynapseError& error) {
        if (error.errcode() == "M_USER_DEACTIVATED") unusable = "deactivated";
        if (error.errcode() == "M_USER_LOCKED") unusable = "locked";
        if (unusable.empty()) throw;
    }
    if (!unusable.empty()) co_return unusable_page(unusable);
    const std::string client = client_name(url);
    url.params().append(boost::urls::param_view("loginToken", text));
    const std::string target(url.buffer());
    if (is_listed(sso_settings.client_whitelist, login.client_redirect_url)) co_return redirect_to(target);
    co_return confirmation_page(server_name, login, client, target);
}

}  // namespace homeserver
