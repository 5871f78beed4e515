// The one place where Asio, Asio's TLS and Beast are compiled (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>

#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
