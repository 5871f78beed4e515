#pragma once

#include "temporary_folder.h"

#include <gtest/gtest.h>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

/// A server certificate for localhost that signs itself.
class HttpsTest : public testing::Test {
protected:
    /// `extension` follows the names of the request: which hosts the certificate is for.
    explicit HttpsTest(const std::string& extension = "-addext subjectAltName=DNS:localhost")
        : tls(boost::asio::ssl::context::tls_server) {
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost " +
            extension + " -keyout " + folder.file("key.pem").string() + " -out " + folder.file("cert.pem").string() +
            " 2>/dev/null";
        if (std::system(command.c_str()) != 0) throw std::runtime_error("no certificate");
        tls.use_certificate_chain_file(folder.file("cert.pem"));
        tls.use_private_key_file(folder.file("key.pem"), boost::asio::ssl::context::pem);
    }
    ~HttpsTest() override { unsetenv("SSL_CERT_FILE"); }
    void trust() { setenv("SSL_CERT_FILE", folder.file("cert.pem").c_str(), 1); }
    template <class Server>
    static std::string on(const std::string& host, const Server& server) {
        return host + ":" + std::to_string(server.port());
    }

    TemporaryFolder folder;
    boost::asio::ssl::context tls;
};
