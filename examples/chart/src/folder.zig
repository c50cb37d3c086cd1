//! The folder /artifacts: what is written there becomes artifacts of the cast.

const std = @import("std");
const wasi = std.os.wasi;
const doors = @import("wasi.zig");

// The first folder that a manifest asks for; a C library finds it by its name.
const artifacts = 3;

pub fn makeFolder(name: []const u8) !void {
    if (wasi.path_create_directory(artifacts, name.ptr, name.len) != .SUCCESS) {
        return error.WriteFailed;
    }
}

pub fn writeFile(name: []const u8, content: []const u8) !void {
    var file: wasi.fd_t = undefined;
    const opened = wasi.path_open(
        artifacts,
        .{},
        name.ptr,
        name.len,
        .{ .CREAT = true, .TRUNC = true },
        .{ .FD_WRITE = true },
        .{},
        .{},
        &file,
    );
    if (opened != .SUCCESS) return error.WriteFailed;
    try doors.writeTo(file, content);
    if (wasi.fd_close(file) != .SUCCESS) return error.WriteFailed;
}
