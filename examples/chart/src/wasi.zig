//! The three doors of a spell: standard input, standard output, and leaving with a sentence.

const std = @import("std");
const wasi = std.os.wasi;

/// Exit codes; 0 is success. Each failure leaves one sentence on stderr.
pub const ExitCode = enum(u8) {
    bad_input = 2,
    too_large = 3,
    io = 4,
    fault = 70,
};

const stdin = 0;
const stdout = 1;
const stderr = 2;

/// Everything on stdin, or an error when it is longer than `bytes_max`.
pub fn readInput(allocator: std.mem.Allocator, bytes_max: usize) ![]u8 {
    const room = try allocator.alloc(u8, bytes_max + 1);
    var length: usize = 0;
    while (length < room.len) {
        const rest = room[length..];
        const vector = [_]std.posix.iovec{.{ .base = rest.ptr, .len = rest.len }};
        var count: usize = 0;
        if (wasi.fd_read(stdin, &vector, 1, &count) != .SUCCESS) return error.ReadFailed;
        if (count == 0) return room[0..length];
        length += count;
    }
    return error.InputTooLong;
}

pub fn writeOutput(bytes: []const u8) !void {
    try writeTo(stdout, bytes);
}

pub fn writeTo(descriptor: wasi.fd_t, bytes: []const u8) !void {
    var rest = bytes;
    while (rest.len > 0) {
        const vector = [_]std.posix.iovec_const{.{ .base = rest.ptr, .len = rest.len }};
        var count: usize = 0;
        if (wasi.fd_write(descriptor, &vector, 1, &count) != .SUCCESS) return error.WriteFailed;
        if (count == 0) return error.WriteFailed;
        rest = rest[count..];
    }
}

pub fn fail(code: ExitCode, sentence: []const u8) noreturn {
    writeTo(stderr, sentence) catch {};
    writeTo(stderr, "\n") catch {};
    wasi.proc_exit(@backingInt(code));
}
