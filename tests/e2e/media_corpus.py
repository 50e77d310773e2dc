"""Media as phones, cameras, recorders and browsers write it, made with ffmpeg: once for each version of this file and of
ffmpeg, then kept below build/."""
from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import shutil
import struct
import subprocess

from harness import REPOSITORY

FIXTURES = REPOSITORY / "tests" / "unit" / "workers" / "media"
FFMPEG_DEADLINE_S = 60

VIDEO = "-f lavfi -i testsrc=size=64x48:rate=10:duration=1"
AUDIO = "-f lavfi -i sine=frequency=440:duration=1:sample_rate=16000"
BOTH = f"{VIDEO} {AUDIO}"
H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
HEVC = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none -tag:v hvc1"
AAC = "-c:a aac -b:a 16k"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A file: how ffmpeg is told to make it, and what it must be taken as. `least` and `most` are its length in seconds."""

    name: str
    arguments: str
    type: str
    least: float | None = 0.9
    most: float | None = 1.3


MADE = [
    # MP4: codecs, and where its index is
    Recipe("h264.mp4", f"{BOTH} {H264} {AAC}", "video/mp4"),
    Recipe("faststart.mp4", f"{BOTH} {H264} {AAC} -movflags +faststart", "video/mp4"),
    Recipe("fragmented.mp4", f"{BOTH} {H264} {AAC} -movflags frag_keyframe+empty_moov+default_base_moof", "video/mp4"),
    Recipe("dash.mp4", f"{BOTH} {H264} {AAC} -movflags dash+frag_keyframe+empty_moov", "video/mp4"),
    Recipe("global-index.mp4", f"{BOTH} {H264} {AAC} -movflags +global_sidx+frag_keyframe", "video/mp4"),
    Recipe("hevc.mp4", f"{BOTH} {HEVC} {AAC}", "video/mp4"),
    Recipe("mpeg4.mp4", f"{BOTH} -c:v mpeg4 {AAC}", "video/mp4"),
    Recipe("av1.mp4", f"{VIDEO} -c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p", "video/mp4"),
    Recipe("vp9.mp4", f"{VIDEO} -c:v libvpx-vp9 -deadline realtime -cpu-used 8", "video/mp4"),
    Recipe("mjpeg.mp4", f"{VIDEO} -c:v mjpeg", "video/mp4"),
    Recipe("mp3-sound.mp4", f"{BOTH} {H264} -c:a libmp3lame", "video/mp4"),
    Recipe("silent.mp4", f"{VIDEO} {H264}", "video/mp4"),
    Recipe("rotated.mp4", f"{BOTH} {H264} {AAC} -metadata:s:v:0 rotate=90", "video/mp4"),
    Recipe("dated.mp4", f"{BOTH} {H264} {AAC} -metadata creation_time=2024-05-01T12:00:00Z -movflags use_metadata_tags", "video/mp4"),
    Recipe("sound-only.mp4", f"{AUDIO} {AAC}", "audio/mp4"),
    Recipe("voice.m4a", f"{AUDIO} {AAC}", "audio/mp4"),
    Recipe("alac.m4a", f"{AUDIO} -c:a alac", "audio/mp4"),
    # QuickTime, 3GPP
    Recipe("h264.mov", f"{BOTH} {H264} {AAC} -f mov", "video/quicktime"),
    Recipe("hevc.mov", f"{BOTH} {HEVC} {AAC} -f mov", "video/quicktime"),
    Recipe("prores.mov", f"{BOTH} -c:v prores_ks -c:a pcm_s16le -f mov", "video/quicktime"),
    Recipe("rotated.mov", f"{BOTH} {HEVC} {AAC} -metadata:s:v:0 rotate=180 -f mov", "video/quicktime"),
    Recipe("phone.3gp", f"{VIDEO} {AUDIO} -s 176x144 -c:v h263 {AAC} -f 3gp", "video/3gpp"),
    Recipe("h264.3gp", f"{BOTH} {H264} {AAC} -f 3gp", "video/3gpp"),
    Recipe("phone.3g2", f"{BOTH} {H264} {AAC} -f 3g2", "video/3gpp2"),
    Recipe("voice.3gp", f"{AUDIO} {AAC} -f 3gp", "audio/3gpp"),
    # Matroska, WebM: with and without a duration, as browsers record
    Recipe("vp8.webm", f"{BOTH} -c:v libvpx -c:a libvorbis", "video/webm"),
    Recipe("vp9.webm", f"{BOTH} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus", "video/webm"),
    Recipe("recorder.webm", f"{BOTH} -c:v libvpx -c:a libopus -f webm -live 1 -cluster_time_limit 200", "video/webm"),
    Recipe("voice.webm", f"{AUDIO} -c:a libopus", "audio/webm"),
    Recipe("h264.mkv", f"{BOTH} {H264} {AAC}", "video/x-matroska"),
    Recipe("hevc.mkv", f"{BOTH} {HEVC} -c:a flac", "video/x-matroska"),
    Recipe("live.mkv", f"{BOTH} {H264} {AAC} -f matroska -live 1", "video/x-matroska"),
    Recipe("sound.mka", f"{AUDIO} {AAC}", "audio/x-matroska"),
    # cameras
    Recipe("mjpeg.avi", f"{BOTH} -c:v mjpeg -c:a pcm_s16le", "video/x-msvideo"),
    Recipe("xvid.avi", f"{BOTH} -c:v mpeg4 -vtag XVID -c:a libmp3lame", "video/x-msvideo"),
    Recipe("camcorder.ts", f"{BOTH} {H264} {AAC} -f mpegts", "video/mp2t"),
    Recipe("camcorder.m2ts", f"{BOTH} {H264} -c:a ac3 -f mpegts -mpegts_m2ts_mode 1", "video/mp2t"),
    Recipe("hevc.ts", f"{BOTH} {HEVC} {AAC} -f mpegts", "video/mp2t"),
    Recipe("theora.ogv", f"{BOTH} -c:v libtheora -c:a libvorbis", "video/ogg"),
    # sound
    Recipe("voice.mp3", f"{AUDIO} -c:a libmp3lame", "audio/mpeg"),
    Recipe("bare.mp3", f"{AUDIO} -c:a libmp3lame -write_xing 0 -id3v2_version 0", "audio/mpeg"),
    Recipe("tagged.mp3", f"{AUDIO} -c:a libmp3lame -metadata title=Street -id3v2_version 4", "audio/mpeg"),
    Recipe("voice.mp2", f"{AUDIO} -c:a mp2", "audio/mpeg"),
    Recipe("voice.ogg", f"{AUDIO} -c:a libvorbis", "audio/ogg"),
    Recipe("voice.opus", f"{AUDIO} -c:a libopus", "audio/ogg"),
    Recipe("flac.ogg", f"{AUDIO} -c:a flac", "audio/ogg"),
    Recipe("voice.wav", f"{AUDIO} -c:a pcm_s16le", "audio/wav"),
    Recipe("float.wav", f"{AUDIO} -c:a pcm_f32le", "audio/wav"),
    Recipe("rf64.wav", f"{AUDIO} -c:a pcm_s24le -rf64 always", "audio/wav"),
    Recipe("adpcm.wav", f"{AUDIO} -c:a adpcm_ima_wav", "audio/wav"),
    Recipe("voice.flac", f"{AUDIO} -c:a flac", "audio/flac"),
    Recipe("voice.aac", f"{AUDIO} {AAC} -f adts", "audio/aac"),
    Recipe("tagged.aac", f"{AUDIO} {AAC} -f adts -write_id3v2 1 -metadata title=Street", "audio/aac"),
    Recipe("voice.aiff", f"{AUDIO} -c:a pcm_s16be", "audio/aiff"),
    Recipe("voice.aifc", f"{AUDIO} -c:a pcm_s16le -f aiff", "audio/aiff"),
    Recipe("voice.caf", f"{AUDIO} -c:a pcm_s16le", "audio/x-caf"),
    Recipe("alac.caf", f"{AUDIO} -c:a alac", "audio/x-caf"),
    # pictures
    Recipe("picture.jpg", f"{VIDEO} -frames:v 1", "image/jpeg", None, None),
    Recipe("picture.png", f"{VIDEO} -frames:v 1", "image/png", None, None),
    Recipe("picture.webp", f"{VIDEO} -frames:v 1", "image/webp", None, None),
    Recipe("moving.webp", f"{VIDEO} -frames:v 3 -c:v libwebp_anim", "image/webp", None, None),
    Recipe("moving.gif", f"{VIDEO} -frames:v 3", "image/gif", None, None),
    Recipe("moving.png", f"{VIDEO} -frames:v 3 -f apng", "image/png", None, None),
    Recipe("picture.tiff", f"{VIDEO} -frames:v 1", "image/tiff", None, None),
    Recipe("plain.tiff", f"{VIDEO} -frames:v 1 -compression_algo raw", "image/tiff", None, None),
]

# Made as well, and none of the kinds that are taken.
REFUSED = {
    "windows.wmv": f"{BOTH} -c:v wmv2 -c:a wmav2",
    "flash.flv": f"{BOTH} -c:v flv1 -c:a libmp3lame -ar 22050",
    "program.mpg": f"{BOTH} -r 25 -c:v mpeg2video -c:a mp2",
    "sound-only.ts": f"{AUDIO} {AAC} -f mpegts",
    "sound-only.avi": f"{AUDIO} -c:a pcm_s16le",
    "picture.bmp": f"{VIDEO} -frames:v 1",
    "voice.au": f"{AUDIO}",
    "voice.wma": f"{AUDIO} -c:a wmav2",
}


def folder() -> pathlib.Path:
    """The corpus; made where it is missing."""
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg, "ffmpeg is missing; scripts/install test brings it"
    version = subprocess.run([ffmpeg, "-version"], check=True, capture_output=True, timeout=FFMPEG_DEADLINE_S).stdout
    digest = hashlib.sha256(pathlib.Path(__file__).read_bytes() + version.splitlines()[0]).hexdigest()[:16]
    target = REPOSITORY / "build" / "media-corpus" / digest
    if (target / "complete").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    recipes = [(recipe.name, recipe.arguments) for recipe in MADE] + list(REFUSED.items())
    for name, arguments in recipes:
        if (target / name).exists():
            continue
        # Under a name of its own until it is whole: several processes may be making it.
        with_suffix = target / f"making-{os.getpid()}-{name}"
        command = [ffmpeg, "-nostdin", "-loglevel", "error", "-y", "-threads", "1", *arguments.split(), str(with_suffix)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=FFMPEG_DEADLINE_S, check=False)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        with_suffix.rename(target / name)
    (target / "complete").touch()
    return target


# What ffmpeg does not write, from files that it does


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def with_brand(film: bytes, brand: bytes) -> bytes:
    """The same MP4, of another maker."""
    assert film[4:8] == b"ftyp"
    return film[:8] + brand + film[12:]


def without_brand(film: bytes) -> bytes:
    """As cameras of before there were brands: `wide` in the place of `ftyp`, which keeps all offsets."""
    size = struct.unpack(">I", film[:4])[0]
    return film[:4] + b"wide" + film[8:size] + film[size:]


def amr(frames: int = 50) -> bytes:
    """12.2 kbit/s, 20 ms a frame."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * frames


def amr_wb(frames: int = 50) -> bytes:
    return b"#!AMR-WB\n" + (b"\x04" + bytes(17)) * frames


def derived(at: pathlib.Path) -> dict[str, tuple[bytes, str]]:
    """Further files that must be taken, and as what."""
    film = (at / "h264.mp4").read_bytes()
    brands = (b"isom", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"XAVC", b"MSNV", b"NDSC", b"hvc1", b"CAEP", b"niko", b"F4V ",
              b"M4V ", b"mmp4", b"SDV ", b"\0\0\0\0", b"zzzz")
    files = {f"brand-{brand.hex()}.mp4": (with_brand(film, brand), "video/mp4") for brand in brands}
    files |= {f"brand-{brand.decode().strip()}.3gp": (with_brand(film, brand), "video/3gpp") for brand in (b"3gp4", b"3gp5", b"3gr6", b"3gs7")}
    cover = b"ID3\x04\0\0" + bytes([0, 0x40, 0, 0]) + bytes(0x40 << 14)  # a tag of a mebibyte
    mp3 = (at / "bare.mp3").read_bytes()
    jpeg, gif = (at / "picture.jpg").read_bytes(), (at / "moving.gif").read_bytes()
    wav = (at / "voice.wav").read_bytes()
    heic, avif = (FIXTURES / "image.heic").read_bytes(), (FIXTURES / "image.avif").read_bytes()
    page = b"<html><script>alert(1)</script></html>"
    return files | {
        "unbranded.mov": (without_brand((at / "h264.mov").read_bytes()), "video/quicktime"),
        "padded.mp4": (box(b"free", bytes(64)) + with_brand((at / "fragmented.mp4").read_bytes(), b"iso5"), "video/mp4"),
        "covered.mp3": (cover + mp3, "audio/mpeg"),
        "voice.amr": (amr(), "audio/amr"),
        "voice.awb": (amr_wb(), "audio/amr-wb"),
        "piped.wav": (wav[:4] + b"\xff\xff\xff\xff" + wav[8:], "audio/wav"),
        "photo.heic": (heic, "image/heic"),
        "photo.heif": (with_brand(heic, b"mif1"), "image/heif"),
        "burst.heics": (with_brand(heic, b"hevc"), "image/heic"),
        "photo.avif": (avif, "image/avif"),
        # Played up to where they were cut, as a recorder leaves them whose battery was empty.
        "cut.webm": (cut(at / "recorder.webm", 0.8), "video/webm"),
        "cut.mp3": (cut(at / "bare.mp3", 0.7), "audio/mpeg"),
        "cut.ts": (cut(at / "camcorder.ts", 0.8), "video/mp2t"),
        # Two things at once are what their first bytes say.
        "motion.jpg": (jpeg + film, "image/jpeg"),
        "archive.jpg": (jpeg + b"PK\3\4" + page, "image/jpeg"),
        "page.gif": (gif + page, "image/gif"),
        "film-and-page.mp4": (film + page, "video/mp4"),
        "words.txt": (b"Are free places left? " + b"x" * 100, "text/plain"),
    }


def cut(file: pathlib.Path, part: float) -> bytes:
    content = file.read_bytes()
    return content[: int(len(content) * part)]


def broken(at: pathlib.Path) -> dict[str, tuple[bytes, str]]:
    """Files that must be refused, and what they are announced as."""
    film = (at / "h264.mp4").read_bytes()
    page = b"<html><script>alert(1)</script></html>\0"
    files = {name: ((at / name).read_bytes(), announced) for name, announced in {
        "windows.wmv": "video/mp4", "flash.flv": "video/mp4", "program.mpg": "video/mp2t", "sound-only.ts": "video/mp2t",
        "sound-only.avi": "video/x-msvideo", "picture.bmp": "image/png", "voice.au": "audio/wav", "voice.wma": "audio/mp4"}.items()}
    for name in ("h264.mp4", "faststart.mp4", "hevc.mov", "phone.3gp", "voice.m4a", "mjpeg.avi", "voice.wav", "voice.aiff", "picture.jpg",
                 "picture.png", "picture.webp", "moving.gif", "picture.tiff"):
        recipe = next(recipe for recipe in MADE if recipe.name == name)
        files[f"half-{name}"] = (cut(at / name, 0.5), recipe.type)
    for recipe in MADE:
        if recipe.type == "audio/aac":
            continue  # frames and nothing else: the first one is cut, as any last one may be
        files[f"first-bytes-{recipe.name}"] = (((at / recipe.name).read_bytes())[:16] + b"\0\xff", recipe.type)
    return files | {
        "head.mp4": (film[:32], "video/mp4"),
        "index-of-nothing.mp4": (film[:32] + box(b"moov", b""), "video/mp4"),
        "page-and-film.mp4": (page + film, "video/mp4"),
        "page-and-picture.png": (page + (at / "picture.png").read_bytes(), "image/png"),
        "film-head-and-page.mp4": (film[:32] + page, "video/mp4"),
        "half.heic": ((FIXTURES / "image.heic").read_bytes()[:400], "image/heic"),
        "half.avif": ((FIXTURES / "image.avif").read_bytes()[:300], "image/avif"),
        "raw.cr3": (with_brand(film, b"crx "), "image/jpeg"),
        "program.mp4": (b"\x7fELF\2\1\1" + bytes(600), "video/mp4"),
        "archive.mp4": (b"PK\3\4\x14" + bytes(600), "video/mp4"),
        "document.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(600), "image/jpeg"),
        "zeros.mp4": (bytes(4096), "video/mp4"),
        "noise.mp3": (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"\x81" * 4096, "audio/mpeg"),
        "empty.wav": ((at / "voice.wav").read_bytes()[:40] + bytes(4), "audio/wav"),
        "empty.amr": (b"#!AMR\n", "audio/amr"),
    }
