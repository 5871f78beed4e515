#include "mail/smtp_delivery.h"

#include "text/secrets.h"

#include <modapi/curl_handles.h>
#include <modapi/services/mail_services.h>

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <ctime>
#include <memory>
#include <new>
#include <string_view>

namespace homeserver {

namespace {

using modapi::MailError;

using modapi::CurlLines;
using Parts = std::unique_ptr<curl_mime, modapi::EndedByCurl<&curl_mime_free>>;

/// libcurl asks at least once a second whether it is to go on.
struct TimeLeft {
    const std::atomic<MailClock::rep>& end_by;

    static int is_over(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        const auto& time = *static_cast<const TimeLeft*>(self);
        return MailClock::now().time_since_epoch().count() >= time.end_by.load(std::memory_order_relaxed) ? 1 : 0;
    }
};

/// Every line ends as mail's do.
std::string with_mail_line_ends(std::string_view text) {
    std::string lines;
    lines.reserve(text.size() + text.size() / 16);
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_pair = text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
        if (is_pair) ++at;
        if (is_pair || text[at] == '\n' || text[at] == '\r') {
            lines += "\r\n";
        } else {
            lines += text[at];
        }
    }
    return lines;
}

void add_part(curl_mime* parts, const std::string& text, const char* type) {
    curl_mimepart* const part = curl_mime_addpart(parts);
    if (part == nullptr) throw std::bad_alloc();
    const std::string lines = with_mail_line_ends(text);
    const bool is_set = curl_mime_data(part, lines.data(), lines.size()) == CURLE_OK &&
                        curl_mime_type(part, type) == CURLE_OK && curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
    if (!is_set) throw std::bad_alloc();
}

/// The forms from the plainest to the richest: who reads it takes the last one that they understand.
Parts body_of(CURL* connection, const Mail& mail) {
    Parts forms(curl_mime_init(connection));
    if (!forms) throw std::bad_alloc();
    add_part(forms.get(), mail.text, "text/plain; charset=utf-8");
    add_part(forms.get(), mail.html, "text/html; charset=utf-8");
    return forms;
}

CurlLines headers_of(const Mail& mail, const std::string& server_name) {
    CurlLines headers;
    headers.add("From: " + header_address(mail.from));
    headers.add("To: " + header_address(mail.to));
    headers.add("Subject: " + header_text(mail.subject));
    headers.add(fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} +0000", fmt::gmtime(std::time(nullptr))));
    constexpr std::size_t id_length = 32;
    const std::string host = server_name.substr(0, server_name.find(':'));
    headers.add("Message-ID: <" + random_text(id_length, "abcdefghijklmnopqrstuvwxyz0123456789") + "@" + host + ">");
    headers.add("Auto-Submitted: auto-generated");
    headers.add("Content-Type: multipart/alternative");
    return headers;
}

template <class Value>
void set(CURL* connection, CURLoption option, Value value) {
    const CURLcode outcome = curl_easy_setopt(connection, option, value);
    if (outcome != CURLE_OK) throw MailError(std::string("a mail can't be sent: ") + curl_easy_strerror(outcome));
}

void set_server(CURL* connection, const SmtpSettings& settings, const std::string& server_name) {
    const bool is_v6 = settings.host.find(':') != std::string::npos;
    const std::string host = is_v6 ? "[" + settings.host + "]" : settings.host;
    const std::string name = server_name.substr(0, server_name.find(':'));  // what EHLO says
    set(connection, CURLOPT_URL, ("smtp://" + host + ":" + std::to_string(settings.port) + "/" + name).c_str());
    set(connection, CURLOPT_PROXY, "");  // whatever the environment says: it isn't asked for
    set(connection, CURLOPT_USE_SSL, static_cast<long>(settings.require_transport_security ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    modapi::require_alternative_names(connection);
    if (settings.ca_file) set(connection, CURLOPT_CAINFO, settings.ca_file->c_str());
    if (!settings.user) return;
    set(connection, CURLOPT_USERNAME, settings.user->c_str());
    set(connection, CURLOPT_PASSWORD, settings.password.c_str());
}

std::string failure_of(CURL* connection, CURLcode outcome, const char* details) {
    if (outcome == CURLE_ABORTED_BY_CALLBACK) return "given up: this server stops";
    std::string reason = *details != '\0' ? details : curl_easy_strerror(outcome);
    long reply = 0;
    curl_easy_getinfo(connection, CURLINFO_RESPONSE_CODE, &reply);
    const std::string code = std::to_string(reply);
    if (reply >= 400 && reason.find(code) == std::string::npos) reason += " (reply " + code + ")";
    return reason;
}

}  // namespace

void deliver_by_smtp(const SmtpSettings& settings, const std::string& server_name, const Mail& mail,
                     MailClock::time_point deadline, const std::atomic<MailClock::rep>& end_by) {
    const std::string server = "mail server " + settings.host + ":" + std::to_string(settings.port) + ": ";
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - MailClock::now());
    if (left.count() <= 0) throw MailError(server + "others waited so long for it that this mail's time is over");

    const modapi::CurlEasy connection = modapi::make_curl_easy();
    CURL* const curl = connection.get();
    std::array<char, CURL_ERROR_SIZE> details{};
    set(curl, CURLOPT_ERRORBUFFER, details.data());
    set(curl, CURLOPT_NOSIGNAL, 1L);
    set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
    set_server(curl, settings, server_name);
    set(curl, CURLOPT_MAIL_FROM, ("<" + mail.from.address + ">").c_str());
    CurlLines recipients;
    recipients.add("<" + mail.to.address + ">");
    set(curl, CURLOPT_MAIL_RCPT, recipients.get());
    const CurlLines headers = headers_of(mail, server_name);
    set(curl, CURLOPT_HTTPHEADER, headers.get());
    const Parts body = body_of(curl, mail);
    set(curl, CURLOPT_MIMEPOST, body.get());
    TimeLeft time{end_by};
    set(curl, CURLOPT_XFERINFOFUNCTION, &TimeLeft::is_over);
    set(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&time));
    set(curl, CURLOPT_NOPROGRESS, 0L);

    const CURLcode outcome = curl_easy_perform(curl);
    if (outcome != CURLE_OK) throw MailError(server + failure_of(curl, outcome, details.data()));
}

}  // namespace homeserver
