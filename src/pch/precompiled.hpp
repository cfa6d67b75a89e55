// What most files include of the standard library, and what takes longest to read: compiled once
// (-Db_pch=false goes without). Files include it themselves nevertheless. What few of them use costs the
// others more than it saves these: <nlohmann/json.hpp> and <CLI/CLI.hpp> are not here.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include <algorithm>
#include <array>
#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>
