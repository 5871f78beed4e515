#include "federation/x_matrix_header.h"

#include <gtest/gtest.h>

namespace {

using homeserver::parse_x_matrix;
using homeserver::XMatrix;

TEST(XMatrixHeader, IsReadWithAndWithoutQuotesInAnyOrder) {
    const auto quoted = parse_x_matrix(R"(X-Matrix origin="peer.test",destination="hs.test",key="ed25519:1",sig="abc/+")");
    ASSERT_TRUE(quoted);
    EXPECT_EQ(quoted->origin, "peer.test");
    EXPECT_EQ(quoted->destination, "hs.test");
    EXPECT_EQ(quoted->key_id, "ed25519:1");
    EXPECT_EQ(quoted->signature, "abc/+");
    const auto bare = parse_x_matrix("x-matrix  sig=abc, key=ed25519:1 , origin=peer.test:8448");
    ASSERT_TRUE(bare);
    EXPECT_EQ(bare->origin, "peer.test:8448");
    EXPECT_EQ(bare->signature, "abc");
    EXPECT_FALSE(bare->destination);
    EXPECT_EQ(parse_x_matrix(R"(X-Matrix origin="a\"b",key="k",sig="s")")->origin, "a\"b");
}

TEST(XMatrixHeader, ThatIsBrokenIsNone) {
    for (const char* const header :
         {"", "X-Matrix", "X-Matrix ", "Bearer abc", "X-Matrix origin=a", "X-Matrix origin=a,key=k",
          "X-Matrix origin=,key=k,sig=s", "X-Matrix origin=a,key=k,sig=\"s", "X-Matrix origin=a,key=k,sig=\"s\\",
          "X-Matrix origin=a,key=k,sig=s,", "X-Matrix =a", "X-Matrix origin=a,origin=b,key=k,sig=s",
          "X-Matrix origin=a key=k sig=s", "X-Matrix origin", "X-Matrix ,,,"}) {
        EXPECT_FALSE(parse_x_matrix(header)) << header;
    }
}

}  // namespace
