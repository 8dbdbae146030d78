"""Section 1 of secagg.md: hashes, keys, signatures, streams; and section 4.5, randomness."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from rules import keeps

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
NO_NONCE = bytes(12)

# Bytes of keys and nonces of each suite's mask PRG.
KEY_BYTES = {1: 32, 2: 16}
NONCE_BYTES = {1: 12, 2: 16}


def uint8(value):
    return value.to_bytes(1, 'big')


def uint16(value):
    return value.to_bytes(2, 'big')


def uint32(value):
    return value.to_bytes(4, 'big')


def uint64(value):
    return value.to_bytes(8, 'big')


def sha256(message):
    return hashlib.sha256(message).digest()


def labelled(name, *parts):
    text = b'veilsum/1 ' + name.encode('ascii')
    return uint8(len(text)) + text + b''.join(parts)


def lhash(name, *parts):
    return sha256(labelled(name, *parts))


def kdf(secret, salt, name, length, *parts):
    """RFC 5869 with HMAC-SHA-256."""
    key = hmac.digest(salt or bytes(32), secret, 'sha256')
    info = labelled(name, *parts)
    output, block = b'', b''
    while len(output) < length:
        block = hmac.digest(key, block + info + uint8(len(output) // 32 + 1), 'sha256')
        output += block
    return output[:length]


# X25519


def canonical_x25519(public):
    return int.from_bytes(public, 'little') < P


def x25519_public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519(private, public):
    """The shared secret, or None if it is all zero."""
    try:
        secret = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        # OpenSSL refuses the keys whose secret is all zero.
        return None if keeps('key-2') else bytes(32)
    return secret


LOW_ORDER_X25519 = [value.to_bytes(32, 'little') for value in (0, 1, P - 1)] + [
    bytes.fromhex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
    bytes.fromhex('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'),
]


def proper_x25519(public):
    """[key-1] and [key-2] of a key that one can't agree with yet."""
    return (canonical_x25519(public) or not keeps('key-1')) and (public not in LOW_ORDER_X25519 or not keeps('key-2'))


# Ed25519

SMALL_ORDER_Y = [value.to_bytes(32, 'little') for value in (0, 1, P - 1)] + [
    bytes.fromhex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    bytes.fromhex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
]


def y_coordinate(point):
    return point[:31] + uint8(point[31] & 0x7F)


def sign(private, message):
    return Ed25519PrivateKey.from_private_bytes(private).sign(message)


def ed25519_public(private):
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def verify(public, message, signature):
    """[sig-1] to [sig-3]; OpenSSL's own check compares R as bytes and bounds S."""
    if keeps('sig-1') and not all(canonical_x25519(y_coordinate(point)) for point in (public, signature[:32])):
        return False
    if keeps('sig-2') and any(y_coordinate(point) in SMALL_ORDER_Y for point in (public, signature[:32])):
        return False
    if not keeps('sig-3'):
        s = int.from_bytes(signature[32:], 'little') % L
        signature = signature[:32] + s.to_bytes(32, 'little')
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# Sealing


def seal(key, ad, plaintext):
    return ChaCha20Poly1305(key).encrypt(NO_NONCE, plaintext, ad)


def open_sealed(key, ad, sealed):
    """The plaintext, or None."""
    try:
        return ChaCha20Poly1305(key).decrypt(NO_NONCE, sealed, ad)
    except InvalidTag:
        return None


# Key streams


def chacha20(key, nonce, length):
    cipher = Cipher(algorithms.ChaCha20(key, bytes(4) + nonce), mode=None)
    return cipher.encryptor().update(bytes(length))


def aes_128_ctr(key, nonce, length):
    return Cipher(algorithms.AES(key), modes.CTR(nonce)).encryptor().update(bytes(length))


def mask_stream(suite, key_and_nonce, length):
    key, nonce = key_and_nonce[: KEY_BYTES[suite]], key_and_nonce[KEY_BYTES[suite] :]
    return (chacha20 if suite == 1 else aes_128_ctr)(key, nonce, length)


def stream(seed, salt, name, length):
    """Stream(seed, salt, name) of section 4.5."""
    key_and_nonce = kdf(seed, salt, name, 44)
    return chacha20(key_and_nonce[:32], key_and_nonce[32:], length)


def words16(data):
    return [int.from_bytes(data[i : i + 2], 'little') for i in range(0, len(data), 2)]


def words32(data):
    return [int.from_bytes(data[i : i + 4], 'little') for i in range(0, len(data), 4)]
