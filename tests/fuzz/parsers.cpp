#include "parsers.h"

#include "http_messages.h"
#include "promise.h"

#include "addresses/phone_number.h"
#include "events/canonical_json.h"
#include "events/event_filter.h"
#include "events/event_format.h"
#include "events/public_key.h"
#include "federation/received_pdu.h"
#include "federation/verify_keys.h"
#include "federation/x_matrix_header.h"
#include "glob_reference.h"
#include "http/target.h"
#include "mail/mail_address.h"
#include "sync/sync_filter.h"
#include "text/utf8.h"

#include <callbacks/errors.h>
#include <callbacks/identifiers.h>
#include <modapi/case_folding.h>
#include <modapi/glob.h>
#include <modapi/request_target.h>

#include <modapi/web_resource.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace fuzz {

namespace {

using callbacks::JsonDict;
using callbacks::SynapseError;

template <void (*Read)(std::string_view)>
void read_noted(std::string_view bytes) {
    note(bytes);
    Read(bytes);
}

std::optional<JsonDict> body_of(std::string_view bytes) {
    modapi::Request request;
    request.body = std::string(bytes);
    try {
        return request.json_object();
    } catch (const SynapseError& refused) {
        promise(refused.status() == 400, "a body that is no JSON object is refused with 400");
        return std::nullopt;
    }
}

void read_json_body(std::string_view bytes) {
    const std::optional<JsonDict> body = body_of(bytes);
    if (!body) return;
    // Not the same value: Boost.JSON 1.81 reads doubles to within a bit of their last place.
    promise(body_of(boost::json::serialize(*body)).has_value(), "a body that was read can be written and read again");
}

std::optional<std::string> canonical(const JsonDict& object) {
    try {
        return homeserver::canonical_json(object);
    } catch (const SynapseError& refused) {
        promise(refused.status() == 400, "what isn't canonical JSON is refused with 400");
        return std::nullopt;
    }
}

void read_canonical_json(std::string_view bytes) {
    const std::optional<JsonDict> object = body_of(bytes);
    if (!object) return;
    const std::optional<std::string> text = canonical(*object);
    if (!text) return;
    const std::optional<JsonDict> again = body_of(*text);
    promise(again && *again == *object, "canonical JSON says what was said");
    promise(canonical(*again) == text, "canonical JSON is the same when it is made of itself");
}

void read_pdu(std::string_view bytes) {
    std::optional<JsonDict> pdu = body_of(bytes);
    if (!pdu) return;
    try {
        const homeserver::ReceivedPdu received = homeserver::check_pdu(*pdu, &keys_of_seeds(), "domain");
        promise(received.event_id.size() == 44 && received.event_id.front() == '$', "an event's id is its hash");
        if (received.refusal) {
            promise(!received.refusal->empty(), "a refusal says why");
            return;
        }
        const callbacks::Event event = homeserver::event_of(received);
        promise(event.event_id() == received.event_id, "an event that is taken has its id");
        promise(callbacks::domain_of(event.sender()) == "domain", "an event that is taken is of its origin");
        promise(homeserver::event_id_of(received.pdu) == received.event_id, "pruning leaves the id");
        promise(received.hash_is_wrong || homeserver::content_hash(received.pdu) == pdu->at("hashes").at("sha256").as_string(),
                "what isn't pruned has the hash that it says");
        static_cast<void>(homeserver::pruned_event_of(received));
    } catch (const SynapseError& refused) {
        promise(refused.status() == 400, "what has no id is refused with 400");
    }
}

void read_x_matrix(std::string_view bytes) {
    const std::optional<homeserver::XMatrix> header = homeserver::parse_x_matrix(bytes);
    if (!header) return;
    promise(!header->origin.empty() && !header->key_id.empty() && !header->signature.empty(), "a header that is read is whole");
    const auto quoted = [](const std::string& text) {
        std::string made = "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') made += '\\';
            made += c;
        }
        return made + '"';
    };
    std::string written =
        "X-Matrix origin=" + quoted(header->origin) + ",key=" + quoted(header->key_id) + ",sig=" + quoted(header->signature);
    if (header->destination) written += ",destination=" + quoted(*header->destination);
    const std::optional<homeserver::XMatrix> again = homeserver::parse_x_matrix(written);
    promise(again && again->origin == header->origin && again->destination == header->destination &&
                again->key_id == header->key_id && again->signature == header->signature,
            "a header that was read, written and read is the same");
}

void read_target(std::string_view bytes) {
    const modapi::RequestTarget target = modapi::split_target(bytes);
    promise(target.path.size() + target.query.size() <= bytes.size(), "a target has no more than was sent");
    promise(modapi::percent_decoded(target.path).size() <= target.path.size(), "decoding makes nothing longer");
    std::size_t length = 0;
    for (const auto& [name, value] : modapi::parse_query(target.query)) length += name.size() + value.size();
    promise(length <= target.query.size(), "a query has no more than was sent");
    for (const char c : homeserver::printable(bytes)) promise(c > ' ' && c < 0x7f, "a log line has words of printable ASCII");
    static_cast<void>(homeserver::is_storable_text(bytes));
    static_cast<void>(homeserver::PublicKey::from_base64(bytes));
}

/// A country's two letters, and a number as somebody writes it.
void read_phone_number(std::string_view bytes) {
    const std::string_view country = bytes.substr(0, 2);
    std::string number;
    try {
        number = homeserver::canonical_phone(country, bytes.substr(country.size()));
    } catch (const SynapseError& refused) {
        promise(refused.status() == 400, "what is no phone number is refused with 400");
        return;
    }
    promise(!number.empty() && number.find_first_not_of("0123456789") == std::string::npos, "a phone number is digits");
    promise(homeserver::canonical_phone("GB", "+" + number) == number, "a phone number stays what it is");
}

void read_mail_address(std::string_view bytes) {
    const std::optional<homeserver::MailAddress> address = homeserver::parse_mail_address(bytes);
    if (!address) return;
    std::string header = homeserver::header_address(*address);
    for (std::size_t fold = 0; (fold = header.find("\r\n ")) != std::string::npos;) header.erase(fold, 2);
    for (const char c : header) promise(c >= ' ' && c < 0x7f, "an address stays in its header");
    promise(address->address.find('@') != std::string::npos, "an address has a domain");
}

/// A pattern, a line's end, and a text that it is tried on.
void read_glob(std::string_view bytes) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::u32string pattern = modapi::characters(bytes.substr(0, end));
    const std::u32string text = modapi::characters(bytes.substr(std::min(end + 1, bytes.size())));
    const modapi::Glob glob(pattern);
    promise(glob.matches(text) == stands_for(pattern, text), "a pattern matches what it stands for");
    promise(!glob.matches(text) || glob.matches_words(text), "what a pattern stands for begins and ends at boundaries");
}

/// A filter of /sync in the first line, and in each of the others a type and a sender.
void read_filter(std::string_view bytes) {
    const std::size_t line_end = std::min(bytes.find('\n'), bytes.size());
    std::optional<homeserver::SyncFilter> filter;
    try {
        filter.emplace(homeserver::filter_from_text(std::string(bytes.substr(0, line_end))));
    } catch (const SynapseError& refused) {
        promise(refused.status() == 400, "what is no filter is refused with 400");
        return;
    }
    promise(filter->timeline.limit() >= 1 && filter->timeline.limit() <= 1000, "a filter's limit is one");
    for (std::string_view rest = bytes.substr(line_end); !rest.empty();) {
        rest.remove_prefix(1);
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size());
        const std::string_view type = line.substr(0, line.find(' '));
        const std::string_view sender = line.substr(std::min(line.size(), type.size() + 1));
        const bool is_wanted = filter->timeline.wants(type, sender);
        promise(is_wanted || filter->timeline.restricts(), "a filter that restricts nothing wants everything");
        JsonDict event;
        event["type"] = type;
        event["content"] = JsonDict{{"body", sender}};
        const JsonDict reduced = filter->reduced(event);
        promise(filter->reduces() || reduced == event, "a filter that names no fields leaves all");
        for (const auto& field : reduced) promise(event.contains(field.key()), "of an event only its own fields are left");
    }
}

constexpr Parser all[] = {
    {"json_body", &read_noted<read_json_body>},
    {"canonical_json", &read_noted<read_canonical_json>},
    {"pdu", &read_noted<read_pdu>},
    {"x_matrix", &read_noted<read_x_matrix>},
    {"target", &read_noted<read_target>},
    {"phone_number", &read_noted<read_phone_number>},
    {"mail_address", &read_noted<read_mail_address>},
    {"glob", &read_noted<read_glob>},
    {"filter", &read_noted<read_filter>},
    {"http_request", &read_noted<read_http_request>},
    {"http_answer", &read_noted<read_http_answer>, 1000},
};

}  // namespace

const homeserver::VerifyKeys& keys_of_seeds() {
    static const homeserver::VerifyKeys keys = [] {
        const auto key = homeserver::PublicKey::from_base64("XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI");
        promise(key.has_value(), "32 bytes in base64 are a key");
        homeserver::VerifyKeys made;
        made.add("domain", "ed25519:1", *key);
        return made;
    }();
    return keys;
}

std::span<const Parser> parsers() noexcept { return all; }

const Parser& parser_named(std::string_view name) {
    for (const Parser& parser : all) {
        if (parser.name == name) return parser;
    }
    std::fprintf(stderr, "there is no parser %.*s\n", static_cast<int>(name.size()), name.data());
    std::abort();
}

}  // namespace fuzz
