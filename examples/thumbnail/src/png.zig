//! PNG, as far as a thumbnail needs it: rows out of a file, and rows into a file.
//! Read: grey and palette of 1 to 8 bits; RGB, RGBA and grey with alpha of 8; not interlaced.

const std = @import("std");
const flate = std.compress.flate;
const Crc32 = std.hash.Crc32;

pub const side_max = 4096;

/// Beyond this level a photograph costs much more fuel for a file hardly smaller.
const deflate_level: flate.Compress.Options = .level_5;

const signature = "\x89PNG\r\n\x1a\n";

pub const Error = error{
    NotPng,
    Damaged,
    WrongChecksum,
    EndsEarly,
    TooManyPixels,
    Interlaced,
    SixteenBits,
    UnknownChunk,
    OutOfMemory,
};

pub const Colour = enum(u8) {
    grey = 0,
    rgb = 2,
    palette = 3,
    grey_alpha = 4,
    rgba = 6,

    pub fn channels(colour: Colour) usize {
        return switch (colour) {
            .grey, .palette => 1,
            .grey_alpha => 2,
            .rgb => 3,
            .rgba => 4,
        };
    }
};

pub const Pixel = [4]u8; // red, green, blue, alpha; not premultiplied

const Chunk = struct {
    name: [4]u8,
    body: []const u8,

    fn is(chunk: Chunk, name: *const [4]u8) bool {
        return std.mem.eql(u8, &chunk.name, name);
    }

    /// A reader that does not know a chunk may pass over it when its first letter is small.
    fn isOptional(chunk: Chunk) bool {
        return chunk.name[0] & 0x20 != 0;
    }
};

const ChunkReader = struct {
    rest: []const u8,

    fn next(reader: *ChunkReader) Error!Chunk {
        if (reader.rest.len < 12) return error.EndsEarly;
        const length = std.mem.readInt(u32, reader.rest[0..4], .big);
        if (length > reader.rest.len - 12) return error.EndsEarly;
        const named = reader.rest[4 .. 8 + length];
        const checksum = std.mem.readInt(u32, reader.rest[8 + length ..][0..4], .big);
        if (Crc32.hash(named) != checksum) return error.WrongChecksum;
        reader.rest = reader.rest[12 + length ..];
        return .{ .name = named[0..4].*, .body = named[4..] };
    }
};

/// Gives the rows of one image from top to bottom, holding two at a time.
pub const Decoder = struct {
    width: usize,
    height: usize,
    colour: Colour,
    depth: u4,
    palette: [256]Pixel,
    palette_length: usize,
    /// The grey or RGB sample that is fully transparent, from a tRNS chunk.
    transparent: ?[3]u16,
    compressed: std.Io.Reader,
    inflate: flate.Decompress,
    row: []u8,
    above: []u8,

    /// The decoder must stay where it is: the inflater points into it.
    pub fn init(decoder: *Decoder, allocator: std.mem.Allocator, file: []const u8) Error!void {
        if (!std.mem.startsWith(u8, file, signature)) return error.NotPng;
        var chunks: ChunkReader = .{ .rest = file[signature.len..] };
        try decoder.readHeader(try chunks.next());
        const compressed = try decoder.readChunks(allocator, &chunks);
        decoder.compressed = .fixed(compressed);
        const window = try allocator.alloc(u8, 2 * flate.max_window_len);
        decoder.inflate = .init(&decoder.compressed, .zlib, window);
        const bits = decoder.width * decoder.colour.channels() * decoder.depth;
        decoder.row = try allocator.alloc(u8, (bits + 7) / 8);
        decoder.above = try allocator.alloc(u8, decoder.row.len);
        @memset(decoder.row, 0);
    }

    fn readHeader(decoder: *Decoder, header: Chunk) Error!void {
        if (!header.is("IHDR") or header.body.len != 13) return error.Damaged;
        const width = std.mem.readInt(u32, header.body[0..4], .big);
        const height = std.mem.readInt(u32, header.body[4..8], .big);
        const depth = header.body[8];
        if (width == 0 or height == 0) return error.Damaged;
        if (width > side_max or height > side_max) return error.TooManyPixels;
        const colour: Colour = switch (header.body[9]) {
            0 => .grey,
            2 => .rgb,
            3 => .palette,
            4 => .grey_alpha,
            6 => .rgba,
            else => return error.Damaged,
        };
        const small_depth = depth == 1 or depth == 2 or depth == 4;
        if (depth == 16) return error.SixteenBits;
        if (depth != 8 and !(small_depth and colour.channels() == 1)) return error.Damaged;
        if (header.body[10] != 0 or header.body[11] != 0) return error.Damaged;
        if (header.body[12] == 1) return error.Interlaced;
        if (header.body[12] != 0) return error.Damaged;
        decoder.width = width;
        decoder.height = height;
        decoder.colour = colour;
        decoder.depth = @intCast(depth);
        decoder.palette_length = 0;
        decoder.transparent = null;
    }

    /// Read every chunk after the header; the IDAT bodies together are the compressed image.
    fn readChunks(
        decoder: *Decoder,
        allocator: std.mem.Allocator,
        chunks: *ChunkReader,
    ) Error![]const u8 {
        const compressed = try allocator.alloc(u8, chunks.rest.len);
        var length: usize = 0;
        while (true) {
            const chunk = try chunks.next();
            if (chunk.is("IDAT")) {
                @memcpy(compressed[length..][0..chunk.body.len], chunk.body);
                length += chunk.body.len;
            } else if (chunk.is("PLTE")) {
                try decoder.readPalette(chunk.body);
            } else if (chunk.is("tRNS")) {
                try decoder.readTransparency(chunk.body);
            } else if (chunk.is("IEND")) {
                break;
            } else if (!chunk.isOptional()) {
                return error.UnknownChunk;
            }
        }
        if (decoder.colour == .palette and decoder.palette_length == 0) return error.Damaged;
        return compressed[0..length];
    }

    fn readPalette(decoder: *Decoder, body: []const u8) Error!void {
        if (body.len == 0 or body.len % 3 != 0 or body.len > 256 * 3) return error.Damaged;
        decoder.palette_length = body.len / 3;
        for (decoder.palette[0..decoder.palette_length], 0..) |*pixel, i| {
            pixel.* = .{ body[i * 3], body[i * 3 + 1], body[i * 3 + 2], 255 };
        }
    }

    fn readTransparency(decoder: *Decoder, body: []const u8) Error!void {
        switch (decoder.colour) {
            .palette => {
                if (body.len > decoder.palette_length) return error.Damaged;
                for (body, 0..) |alpha, i| decoder.palette[i][3] = alpha;
            },
            .grey => {
                if (body.len != 2) return error.Damaged;
                decoder.transparent = @splat(std.mem.readInt(u16, body[0..2], .big));
            },
            .rgb => {
                if (body.len != 6) return error.Damaged;
                decoder.transparent = .{
                    std.mem.readInt(u16, body[0..2], .big),
                    std.mem.readInt(u16, body[2..4], .big),
                    std.mem.readInt(u16, body[4..6], .big),
                };
            },
            .grey_alpha, .rgba => return error.Damaged,
        }
    }

    /// The next row, as pixels. Call it `height` times.
    pub fn nextRow(decoder: *Decoder, pixels: []Pixel) Error!void {
        std.mem.swap([]u8, &decoder.row, &decoder.above);
        const reader = &decoder.inflate.reader;
        const filter = reader.takeByte() catch return error.Damaged;
        reader.readSliceAll(decoder.row) catch return error.Damaged;
        const step = @max(1, decoder.colour.channels() * decoder.depth / 8);
        try unfilter(filter, decoder.row, decoder.above, step);
        try decoder.expandRow(pixels);
    }

    fn expandRow(decoder: *const Decoder, pixels: []Pixel) Error!void {
        const row = decoder.row;
        switch (decoder.colour) {
            .grey => for (pixels, 0..) |*pixel, x| {
                const sample = decoder.smallSample(x);
                const grey = sample * (255 / @as(u8, @intCast((@as(u16, 1) << decoder.depth) - 1)));
                pixel.* = .{ grey, grey, grey, decoder.alphaOf(.{ sample, sample, sample }) };
            },
            .palette => for (pixels, 0..) |*pixel, x| {
                const sample = decoder.smallSample(x);
                if (sample >= decoder.palette_length) return error.Damaged;
                pixel.* = decoder.palette[sample];
            },
            .grey_alpha => for (pixels, 0..) |*pixel, x| {
                const grey = row[x * 2];
                pixel.* = .{ grey, grey, grey, row[x * 2 + 1] };
            },
            .rgb => for (pixels, 0..) |*pixel, x| {
                const sample: [3]u8 = row[x * 3 ..][0..3].*;
                pixel.* = .{ sample[0], sample[1], sample[2], decoder.alphaOf(sample) };
            },
            .rgba => for (pixels, 0..) |*pixel, x| {
                pixel.* = row[x * 4 ..][0..4].*;
            },
        }
    }

    /// One sample of a row with one channel, which may hold several samples in a byte.
    fn smallSample(decoder: *const Decoder, x: usize) u8 {
        if (decoder.depth == 8) return decoder.row[x];
        const bit = x * decoder.depth;
        const shift: u3 = @intCast(8 - decoder.depth - bit % 8);
        const mask = (@as(u8, 1) << @as(u3, @intCast(decoder.depth))) - 1;
        return decoder.row[bit / 8] >> shift & mask;
    }

    fn alphaOf(decoder: *const Decoder, sample: [3]u8) u8 {
        const clear = decoder.transparent orelse return 255;
        const matches = sample[0] == clear[0] and sample[1] == clear[1] and sample[2] == clear[2];
        return if (matches) 0 else 255;
    }
};

/// Undo what the encoder did to the row. The bytes left of the first pixel count as zero.
fn unfilter(filter: u8, row: []u8, above: []const u8, step: usize) Error!void {
    const rest = row[step..];
    const lefts = row[0..rest.len];
    const corners = above[0..rest.len];
    switch (filter) {
        0 => {},
        1 => for (rest, lefts) |*byte, left| {
            byte.* +%= left;
        },
        2 => for (row, above) |*byte, up| {
            byte.* +%= up;
        },
        3 => {
            for (row[0..step], above[0..step]) |*byte, up| byte.* +%= up / 2;
            for (rest, lefts, above[step..]) |*byte, left, up| byte.* +%= average(left, up);
        },
        4 => {
            for (row[0..step], above[0..step]) |*byte, up| byte.* +%= up;
            for (rest, lefts, above[step..], corners) |*byte, left, up, corner| {
                byte.* +%= paeth(left, up, corner);
            }
        },
        else => return error.Damaged,
    }
}

fn average(left: u8, up: u8) u8 {
    return @intCast((@as(u16, left) + up) / 2);
}

/// Whichever neighbour is nearest to left + up - corner.
fn paeth(left: u8, up: u8, corner: u8) u8 {
    const right_step = @as(i32, up) - corner;
    const down_step = @as(i32, left) - corner;
    const by_left = @abs(right_step);
    const by_up = @abs(down_step);
    const by_corner = @abs(right_step + down_step);
    if (by_left <= by_up and by_left <= by_corner) return left;
    return if (by_up <= by_corner) up else corner;
}

/// A whole file. `samples` holds the rows of the image, each `width` times the channels of `colour`.
pub fn encode(
    allocator: std.mem.Allocator,
    samples: []const u8,
    width: usize,
    height: usize,
    colour: Colour,
) Error![]const u8 {
    var header: [13]u8 = .{ 0, 0, 0, 0, 0, 0, 0, 0, 8, @backingInt(colour), 0, 0, 0 };
    std.mem.writeInt(u32, header[0..4], @intCast(width), .big);
    std.mem.writeInt(u32, header[4..8], @intCast(height), .big);
    const step = colour.channels();
    const compressed = try compressRows(allocator, samples, width * step, step);
    var file: std.Io.Writer.Allocating = .init(allocator);
    const writer = &file.writer;
    writer.writeAll(signature) catch return error.OutOfMemory;
    writeChunk(writer, "IHDR", &header) catch return error.OutOfMemory;
    writeChunk(writer, "IDAT", compressed) catch return error.OutOfMemory;
    writeChunk(writer, "IEND", "") catch return error.OutOfMemory;
    return file.written();
}

fn writeChunk(writer: *std.Io.Writer, name: *const [4]u8, body: []const u8) !void {
    var checksum: Crc32 = .init();
    checksum.update(name);
    checksum.update(body);
    try writer.writeInt(u32, @intCast(body.len), .big);
    try writer.writeAll(name);
    try writer.writeAll(body);
    try writer.writeInt(u32, checksum.final(), .big);
}

fn compressRows(
    allocator: std.mem.Allocator,
    samples: []const u8,
    row_length: usize,
    step: usize,
) Error![]const u8 {
    var compressed: std.Io.Writer.Allocating = .init(allocator);
    compressed.ensureTotalCapacity(64 * 1024) catch return error.OutOfMemory;
    const window = try allocator.alloc(u8, flate.max_window_len);
    const deflate = try allocator.create(flate.Compress);
    deflate.* = flate.Compress.init(&compressed.writer, window, .zlib, deflate_level) catch {
        return error.OutOfMemory;
    };

    const nothing = try allocator.alloc(u8, row_length);
    @memset(nothing, 0);
    const filtered = try allocator.alloc(u8, row_length);
    var above: []const u8 = nothing;
    var start: usize = 0;
    while (start < samples.len) : (start += row_length) {
        const row = samples[start..][0..row_length];
        const filter = chooseFilter(filtered, row, above, step);
        deflate.writer.writeByte(filter) catch return error.OutOfMemory;
        deflate.writer.writeAll(filtered) catch return error.OutOfMemory;
        above = row;
    }
    deflate.finish() catch return error.OutOfMemory;
    return compressed.written();
}

/// Leave in `filtered` the filter whose bytes are the smallest as signed numbers, and name it.
fn chooseFilter(filtered: []u8, row: []const u8, above: []const u8, step: usize) u8 {
    var best: u8 = 0;
    var best_cost: u64 = std.math.maxInt(u64);
    for (0..5) |filter| {
        const cost = applyFilter(@intCast(filter), filtered, row, above, step);
        if (cost >= best_cost) continue;
        best = @intCast(filter);
        best_cost = cost;
    }
    _ = applyFilter(best, filtered, row, above, step);
    return best;
}

fn applyFilter(filter: u8, filtered: []u8, row: []const u8, above: []const u8, step: usize) u64 {
    var cost: u64 = 0;
    for (filtered, row, above, 0..) |*to, byte, up, i| {
        const left = if (i < step) 0 else row[i - step];
        const corner = if (i < step) 0 else above[i - step];
        to.* = byte -% switch (filter) {
            1 => left,
            2 => up,
            3 => average(left, up),
            4 => paeth(left, up, corner),
            else => 0,
        };
        cost += @abs(@as(i8, @bitCast(to.*)));
    }
    return cost;
}
