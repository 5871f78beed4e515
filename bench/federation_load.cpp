#include "../tests/examples/federation_peer.h"
#include "../tests/examples/server_process.h"

#include "events/canonical_json.h"
#include "events/event_format.h"
#include "federation/received_pdu.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What another server's `send` of 50 events costs, beside the signature checks alone: `homeserver_federation_load COUNT`
/// prints two lines of a table. Every transaction is signed beforehand and sent over one connection after another.
namespace {

using homeserver_test::Answer;
using homeserver_test::FederationPeer;
using std::chrono::steady_clock;

constexpr std::size_t pdus_per_transaction = 50;

double milliseconds_since(steady_clock::time_point began) {
    return std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
}

double median_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void print(const char* what, double milliseconds) {
    std::printf("| %s | %.2f | %.0f |\n", what, milliseconds, 1000 * pdus_per_transaction / milliseconds);
}

using Transaction = std::vector<boost::json::object>;

/// Messages that follow each other.
std::vector<Transaction> signed_messages(FederationPeer& peer, std::size_t count) {
    std::vector<Transaction> transactions(count);
    for (std::size_t number = 0; number < count * pdus_per_transaction; ++number) {
        boost::json::object pdu = peer.message("message " + std::to_string(number));
        FederationPeer::sign(pdu);
        peer.last_event = FederationPeer::id_of(pdu);
        ++peer.depth;
        transactions[number / pdus_per_transaction].push_back(std::move(pdu));
    }
    return transactions;
}

std::vector<double> times_of_sending(const FederationPeer& peer, const std::vector<Transaction>& transactions) {
    std::vector<double> times;
    for (const Transaction& pdus : transactions) {
        const auto began = steady_clock::now();
        const Answer answer = peer.send(pdus, "load" + std::to_string(times.size()));
        times.push_back(milliseconds_since(began));
        if (answer.status != 200) throw std::runtime_error("send was answered with " + std::to_string(answer.status));
        for (const auto& result : answer.body.at("pdus").as_object()) {
            if (!result.value().as_object().empty()) throw std::runtime_error("an event wasn't taken");
        }
    }
    return times;
}

/// ed25519 over the bytes that a signature covers, which are made beforehand.
std::vector<double> times_of_bare_checks(const std::vector<Transaction>& transactions) {
    const homeserver::PublicKey key = FederationPeer::public_key();
    std::vector<double> times;
    for (const Transaction& pdus : transactions) {
        std::vector<std::pair<std::string, std::string>> given;
        for (const boost::json::object& pdu : pdus) {
            const auto& signatures = pdu.at("signatures").at(FederationPeer::name).as_object();
            given.emplace_back(homeserver::signed_bytes(homeserver::redacted(pdu)), signatures.begin()->value().as_string());
        }
        const auto began = steady_clock::now();
        for (const auto& [bytes, signature] : given) {
            if (!key.verifies(bytes, signature)) throw std::runtime_error("a signature is wrong");
        }
        times.push_back(milliseconds_since(began));
    }
    return times;
}

void measure(std::size_t count) {
    const homeserver_test::TemporaryFolder folder;
    const std::string open = "enable_registration: true\nenable_registration_without_verification: true\n";
    const homeserver_test::ServerProcess server(folder.path(), open + FederationPeer::configuration());
    const std::string token = server.register_user("alice");
    const std::string room =
        server.request("POST", "/_matrix/client/v3/createRoom", R"({"preset":"public_chat"})", token).text("room_id");
    FederationPeer peer(server);
    if (peer.join(room, "bob").status != 200) throw std::runtime_error("the peer can't join");
    const std::vector<Transaction> transactions = signed_messages(peer, count);
    std::printf("| 50 events | ms, median | events/s |\n|---|---:|---:|\n");
    print("`send`, answered", median_of(times_of_sending(peer, transactions)));
    print("their signatures alone, one after the other", median_of(times_of_bare_checks(transactions)));
}

}  // namespace

int main(int count, char** arguments) {
    const std::size_t transactions = count == 2 ? std::strtoull(arguments[1], nullptr, 10) : 0;
    if (transactions == 0) {
        std::fprintf(stderr, "usage: %s TRANSACTIONS\n", arguments[0]);
        return 2;
    }
    try {
        measure(transactions);
        return 0;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
