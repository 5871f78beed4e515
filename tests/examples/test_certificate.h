#pragma once

#include "server_process.h"

#include <boost/asio/ssl/context.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace homeserver_test {

/// A server certificate for localhost that signs itself. `names` are the arguments that say for which hosts it is beside its
/// subject.
class TestCertificate {
public:
    explicit TestCertificate(const std::string& names = "-addext subjectAltName=DNS:localhost")
        : tls_(boost::asio::ssl::context::tls_server) {
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost " + names +
            " -keyout " + (folder_.path() / "key.pem").string() + " -out " + file() + " 2>/dev/null";
        if (std::system(command.c_str()) != 0) throw std::runtime_error("no certificate");
        tls_.use_certificate_chain_file(file());
        tls_.use_private_key_file((folder_.path() / "key.pem").string(), boost::asio::ssl::context::pem);
    }
    [[nodiscard]] std::string file() const { return (folder_.path() / "cert.pem").string(); }
    [[nodiscard]] boost::asio::ssl::context& tls() noexcept { return tls_; }

private:
    TemporaryFolder folder_;
    boost::asio::ssl::context tls_;
};

}  // namespace homeserver_test
