#include "federation_peer.h"

#include "events/canonical_json.h"
#include "events/event_format.h"
#include "events/signing_key.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace homeserver_test {

namespace {

using boost::json::array;
using boost::json::object;

const homeserver::SigningKey& key() {
    static const homeserver::SigningKey of_peer("ed25519:p", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    return of_peer;
}

constexpr std::int64_t some_time = 1'700'000'000'000;

}  // namespace

homeserver::PublicKey FederationPeer::public_key() { return homeserver::PublicKey::from_base64(key().public_key()).value(); }

std::string FederationPeer::configuration() {
    return "federation_verify_keys: {" + name + ": {\"" + key().key_id() + "\": \"" + key().public_key() + "\"}}\n";
}

std::string FederationPeer::authorization(const std::string& method, const std::string& target, const std::string& body,
                                          const std::string& destination) {
    object covered;
    covered["method"] = method;
    covered["uri"] = target;
    covered["origin"] = name;
    covered["destination"] = destination;
    if (!body.empty()) covered["content"] = boost::json::parse(body);
    const std::string signature = key().sign(homeserver::canonical_json(covered));
    return "X-Matrix origin=\"" + name + "\",destination=\"" + destination + "\",key=\"" + key().key_id() + "\",sig=\"" +
           signature + "\"";
}

Answer FederationPeer::ask(const std::string& method, const std::string& target, const std::string& body) const {
    return server_.request_by(authorization(method, target, body), method, target, body);
}

Answer FederationPeer::join(const std::string& wanted, const std::string& localpart) {
    room = wanted;
    user = "@" + localpart + ":" + name;
    Answer made = ask("GET", "/_matrix/federation/v1/make_join/" + room + "/" + user + "?ver=9&ver=10");
    if (made.status != 200) return made;
    object event = made.body.at("event").as_object();
    event["origin"] = name;
    event["origin_server_ts"] = some_time;
    sign(event);
    const std::string event_id = id_of(event);
    Answer joined = ask("PUT", "/_matrix/federation/v2/send_join/" + room + "/" + event_id, boost::json::serialize(event));
    if (joined.status != 200) return joined;
    last_event = event_id;
    depth = event.at("depth").as_int64();
    auth_events.clear();
    for (const boost::json::value& state : joined.body.at("state").as_array()) {
        const boost::json::string& type = state.at("type").as_string();
        if (type == "m.room.create" || type == "m.room.power_levels") auth_events.emplace_back(id_of(state.as_object()));
    }
    auth_events.emplace_back(event_id);
    return joined;
}

object FederationPeer::unsigned_event(const std::string& type, object content) const {
    object pdu;
    pdu["room_id"] = room;
    pdu["type"] = type;
    pdu["sender"] = user;
    pdu["content"] = std::move(content);
    pdu["origin_server_ts"] = some_time;
    pdu["depth"] = depth + 1;
    array previous;
    previous.emplace_back(last_event);
    pdu["prev_events"] = std::move(previous);
    pdu["auth_events"] = auth_events;
    return pdu;
}

object FederationPeer::message(const std::string& body) const {
    object content;
    content["msgtype"] = "m.text";
    content["body"] = body;
    return unsigned_event("m.room.message", std::move(content));
}

void FederationPeer::sign(object& pdu) { homeserver::hash_and_sign(pdu, key(), name); }
std::string FederationPeer::id_of(const object& pdu) { return homeserver::event_id_of(pdu); }

Answer FederationPeer::send(const std::vector<object>& pdus, const std::string& transaction) const {
    object body;
    body["origin"] = name;
    body["origin_server_ts"] = some_time;
    array list;
    for (const object& pdu : pdus) list.emplace_back(pdu);
    body["pdus"] = std::move(list);
    return ask("PUT", "/_matrix/federation/v1/send/" + transaction, boost::json::serialize(body));
}

object FederationPeer::send_one(object pdu) {
    sign(pdu);
    const std::string event_id = id_of(pdu);
    const Answer answer = send({pdu}, "one" + std::to_string(++transactions_));
    object result = answer.body.at("pdus").at(event_id).as_object();
    if (result.empty()) {
        last_event = event_id;
        depth = pdu.at("depth").as_int64();
    }
    return result;
}

}  // namespace homeserver_test
