#pragma once

#include "server_process.h"

#include "events/public_key.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

namespace homeserver_test {

/// Another server, `peer.test`, that talks to the one under test: it signs its requests and its events.
class FederationPeer {
public:
    explicit FederationPeer(const ServerProcess& server) : server_(server) {}

    static inline const std::string name = "peer.test";
    [[nodiscard]] static homeserver::PublicKey public_key();
    /// What the server's configuration says of this peer.
    [[nodiscard]] static std::string configuration();

    /// A request signed by this peer; an empty body isn't one.
    [[nodiscard]] Answer ask(const std::string& method, const std::string& target, const std::string& body = {}) const;
    /// The header with which it signs a request.
    [[nodiscard]] static std::string authorization(const std::string& method, const std::string& target,
                                                   const std::string& body, const std::string& destination = "hs.test");

    /// Joins a room as `@localpart:peer.test`, by make_join and send_join; its events follow that join from now on. Gives the
    /// answer of what failed, or send_join's.
    Answer join(const std::string& room, const std::string& localpart);

    /// An event behind the last one, without hashes and signatures.
    [[nodiscard]] boost::json::object unsigned_event(const std::string& type, boost::json::object content) const;
    [[nodiscard]] boost::json::object message(const std::string& body) const;
    /// Fills in hashes and signatures.
    static void sign(boost::json::object& pdu);
    [[nodiscard]] static std::string id_of(const boost::json::object& pdu);

    /// Sends events as one transaction; each is signed already.
    [[nodiscard]] Answer send(const std::vector<boost::json::object>& pdus, const std::string& transaction) const;
    /// Signs one event and sends it in a transaction of its own; gives its result, an empty object if it was taken.
    boost::json::object send_one(boost::json::object pdu);

    std::string room;
    std::string user;
    std::string last_event;
    std::int64_t depth = 0;
    boost::json::array auth_events;

private:
    const ServerProcess& server_;
    int transactions_ = 0;
};

}  // namespace homeserver_test
