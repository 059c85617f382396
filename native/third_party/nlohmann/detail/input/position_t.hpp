//     __ _____ _____ _____
//  __|  |   __|     |   | |  JSON for Modern C++
// |  |  |__   |  |  | | | |  version 3.11.2
// |_____|_____|_____|_|___|  https://github.com/nlohmann/json
//
// SPDX-FileCopyrightText: 2013-2022 Niels Lohmann <https://nlohmann.me>
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <nlohmann/detail/abi_macros.hpp>
NLOHMANN_JSON_NAMESPACE_BEGIN
namespace detail
{
struct position_t
{
std::size_t chars_read_total = 0;
std::size_t chars_read_current_line = 0;
std::size_t lines_read = 0;
constexpr operator size_t() const
{
return chars_read_total;
}
};
}
NLOHMANN_JSON_NAMESPACE_END
