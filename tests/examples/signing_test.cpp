#include "events/canonical_json.h"
#include "events/event_format.h"
#include "events/public_key.h"
#include "events/signing_key.h"

#include <callbacks/errors.h>

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

/// Against the specification's own test vectors.
namespace {

using callbacks::JsonDict;
using namespace homeserver;

const SigningKey& key_of_the_specification() {
    // The specification's seed ends in 1: the two bits by which that differs from 0 are behind the 32 bytes.
    static const SigningKey key("ed25519:1", "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0");
    return key;
}

JsonDict parsed(const char* text) { return boost::json::parse(text).as_object(); }

std::string signature_in(const JsonDict& object) {
    return std::string(object.at("signatures").at("domain").at("ed25519:1").as_string());
}

TEST(CanonicalJson, SortsKeysAndKeepsTextAsItIs) {
    EXPECT_EQ(canonical_json(parsed(R"({"one": 1, "two": "Two"})")), R"({"one":1,"two":"Two"})");
    EXPECT_EQ(canonical_json(parsed(R"({"b": "2", "a": "1"})")), R"({"a":"1","b":"2"})");
    EXPECT_EQ(
        canonical_json(parsed(R"({"auth": {"success": true, "mxid": "@john.doe:example.com",
        "profile": {"display_name": "John Doe", "three_pids": [{"medium": "email", "address": "john.doe@example.org"},
        {"medium": "msisdn", "address": "123456789"}]}}})")),
        R"({"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[)"
        R"({"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}})");
    EXPECT_EQ(canonical_json(parsed("{\"a\": \"日本語\"}")), "{\"a\":\"日本語\"}");
    EXPECT_EQ(canonical_json(parsed("{\"本\": 2, \"日\": 1}")), "{\"日\":1,\"本\":2}");
    EXPECT_EQ(canonical_json(parsed(R"({"a": "\u65E5"})")), "{\"a\":\"日\"}");
    EXPECT_EQ(canonical_json(parsed(R"({"a": null})")), R"({"a":null})");
    EXPECT_EQ(canonical_json(parsed(R"({"a": "\u0007\n\"\\\/"})")), R"({"a":"\u0007\n\"\\/"})");
}

TEST(CanonicalJson, HasNoFloatsAndNoIntegersBeyond53Bits) {
    for (const char* const text : {R"({"a":1.5})", R"({"a":1e3})", R"({"a":9007199254740992})", R"({"a":-9007199254740992})",
                                   R"({"a":18446744073709551615})", R"({"a":[{"b":0.1}]})"}) {
        EXPECT_THROW(static_cast<void>(canonical_json(parsed(text))), callbacks::SynapseError) << text;
    }
    EXPECT_EQ(canonical_json(parsed(R"({"a":9007199254740991,"b":-9007199254740991})")),
              R"({"a":9007199254740991,"b":-9007199254740991})");
}

TEST(Signatures, AreThoseOfTheSpecification) {
    JsonDict empty;
    key_of_the_specification().sign_json(empty, "domain");
    EXPECT_EQ(signature_in(empty), "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ");
    JsonDict filled = parsed(R"({"one": 1, "two": "Two"})");
    key_of_the_specification().sign_json(filled, "domain");
    EXPECT_EQ(signature_in(filled), "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw");
}

TEST(Signatures, OfAnEventAreThoseOfTheSpecification) {
    JsonDict pdu = parsed(R"({"room_id":"!x:domain","sender":"@a:domain","origin":"domain","origin_server_ts":1000000,
        "type":"X","content":{},"prev_events":[],"auth_events":[],"depth":3,"unsigned":{"age_ts":1000000}})");
    hash_and_sign(pdu, key_of_the_specification(), "domain");
    EXPECT_EQ(pdu.at("hashes").at("sha256"), "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos");
    EXPECT_EQ(signature_in(pdu), "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg");
}

TEST(Signatures, OfAnEventAreOverWhatARedactionLeavesOfItAndItsIdIsTheHashOfThat) {
    for (const char* const text :
         {R"({"room_id":"!x:domain","sender":"@a:domain","origin_server_ts":1,"type":"m.room.message","depth":3,
              "content":{"body":"\u0001\t\"\\ \u00fc","n":7},"prev_events":["$a","$b"],"auth_events":[],"redacts":"$c"})",
          R"({"room_id":"!x:domain","sender":"@a:domain","origin_server_ts":1,"type":"m.room.member","state_key":"@a:domain",
              "content":{"membership":"join","displayname":"A"},"prev_events":[],"auth_events":["$a"],"depth":1,
              "unsigned":{"age":5},"signatures":{"other":{"ed25519:1":"x"}},"hashes":{"sha256":"x"}})"}) {
        JsonDict pdu = parsed(text);
        const std::string event_id = hash_and_sign(pdu, key_of_the_specification(), "domain");

        EXPECT_EQ(event_id, event_id_of(pdu));
        EXPECT_EQ(pdu.at("hashes").at("sha256"), boost::json::value(content_hash(pdu)));
        EXPECT_EQ(pdu.at("signatures").as_object().size(), 1U);
        const std::optional<PublicKey> key = PublicKey::from_base64(key_of_the_specification().public_key());
        EXPECT_TRUE(key.value().verifies(signed_bytes(redacted(pdu)), signature_in(pdu)));
    }
}

TEST(Signatures, AnEventMayHave65536BytesWithAllThatIsAddedToIt) {
    const auto sized = [](std::size_t size) {
        JsonDict pdu = parsed(R"({"room_id":"!x:domain","sender":"@a:domain","origin_server_ts":1,"type":"X","depth":3,
            "prev_events":[],"auth_events":[],"unsigned":{"age":5}})");
        pdu["content"] = JsonDict({{"body", std::string(size, 'x')}});
        hash_and_sign(pdu, key_of_the_specification(), "domain");
        return canonical_json(pdu).size();
    };
    const std::size_t room = max_event - sized(0);
    EXPECT_EQ(sized(room), max_event);
    EXPECT_THROW(static_cast<void>(sized(room + 1)), callbacks::SynapseError);
}

TEST(EventFormat, TheTextOfAPduSaysWhatThePduSays) {
    JsonDict pdu = parsed(R"({"room_id":"!x:domain","sender":"@a:domain","origin_server_ts":12,"type":"m.room.redaction",
        "state_key":"\u0007\"","content":{"body":"ü\\"},"prev_events":["$a"],"auth_events":[],"depth":3,"redacts":"$b"})");
    hash_and_sign(pdu, key_of_the_specification(), "domain");
    const callbacks::Event event = event_from_pdu(pdu, "$id", JsonDict());
    EXPECT_EQ(parsed(pdu_text(event).c_str()), pdu);
    EXPECT_EQ(parsed(pdu_text(event).c_str()), pdu_from_event(event));
    callbacks::EventFields little;
    little.type = "X";
    const callbacks::Event without_others(std::move(little));
    EXPECT_EQ(parsed(pdu_text(without_others).c_str()), pdu_from_event(without_others));
}

TEST(PublicKeys, VerifyWhatTheirOwnersSignedAndNothingElse) {
    const std::optional<PublicKey> key = PublicKey::from_base64(key_of_the_specification().public_key());
    ASSERT_TRUE(key);
    const std::string signature = key_of_the_specification().sign("text");
    EXPECT_TRUE(key->verifies("text", signature));
    EXPECT_TRUE(key->verifies("text", signature + "=="));
    EXPECT_FALSE(key->verifies("other text", signature));
    EXPECT_FALSE(key->verifies("text", signature.substr(1)));
    EXPECT_FALSE(key->verifies("text", "?"));
    EXPECT_FALSE(PublicKey::from_base64("short"));
    EXPECT_FALSE(PublicKey::from_base64(""));
}

}  // namespace
