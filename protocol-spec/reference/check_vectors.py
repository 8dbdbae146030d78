"""Holds this implementation to the files in ../vectors: `python3 check_vectors.py`. Prints what fails, and exits with 1 then."""

import json
import sys
from pathlib import Path

import cohort
import encoding
import masking
import shamir
import wire
from client import Client
from primitives import (canonical_x25519, chacha20, aes_128_ctr, kdf, labelled, lhash, open_sealed, seal, sha256, stream, uint32, verify,
                        words16, x25519, x25519_public)
from rules import Refusal
from server import Server

FOLDER = Path(__file__).resolve().parent.parent / 'vectors'


def load(path):
    return json.loads((FOLDER / path).read_text())


def hexes(items):
    return [bytes.fromhex(item) for item in items]


def join16(symbols):
    return b''.join(symbol.to_bytes(2, 'little') for symbol in symbols)


# Primitives: a function each, from a case's input to its output.


def agreement(case):
    public = bytes.fromhex(case['publicKey'])
    secret = x25519(bytes.fromhex(case['privateKey']), public) if canonical_x25519(public) else None
    return secret and secret.hex()


def graph(case):
    root = bytes.fromhex(case['root'])
    lists = cohort.neighbor_lists(root, case['n'], case['degree'])
    return dict(seed=kdf(root, b'', 'neighbor graph', 32).hex(), neighbors=[lists[i] for i in case.get('indices', range(case['n']))])


def kdf_case(case):
    parts = hexes(case['parts'])
    return kdf(bytes.fromhex(case['secret']), bytes.fromhex(case['salt']), case['label'], case['length'], *parts).hex()


def labels(case):
    parts = hexes(case['parts'])
    return dict(labelled=labelled(case['label'], *parts).hex(), hash=lhash(case['label'], *parts).hex())


def masks(case):
    context = dict(suite=case['suite'], ring_bits=case['bits'], vector_length=case['length'])
    mask = masking.elements(context, bytes.fromhex(case['key']) + bytes.fromhex(case['nonce']))
    return masking.add(context, [0] * case['length'], mask, -1 if case['subtract'] else 1)


def merkle(case):
    advertisements = hexes(case['leaves'])
    leaves = [cohort.leaf(advertisement) for advertisement in advertisements]
    identities = [advertisement[:32] for advertisement in advertisements]
    root = cohort.tree(leaves)
    return dict(leafHashes=[leaf.hex() for leaf in leaves], treeRoot=root.hex(), rosterRoot=cohort.roster_root(root, identities).hex(),
                proof=[item.hex() for item in cohort.prove(leaves, case['indices'])])


def pack(case):
    context = dict(ring_bits=case['bits'], vector_length=len(case['values']))
    packed = masking.pack(context, case['values'])
    assert masking.unpack(context, packed) == (case['values'], True)
    return dict(length=len(packed), packed=packed.hex())


def complete(assumptions):
    return {**dict(securityBits=40, correctnessBits=30, grindingBits=40), **assumptions}


def parameters(case):
    chosen = cohort.choose(case['n'], complete(case), case.get('minDegree', 2))
    return chosen and dict(degree=chosen[0], threshold=chosen[1])


def plan(case):
    try:
        parsed = encoding.parse_plan(bytes.fromhex(case['bytes']))
    except Refusal as refusal:
        return dict(code=refusal.code)
    return dict(ringBits=encoding.ring_bits(parsed), vectorLength=encoding.vector_length(parsed), maxClients=parsed['cohort']['maxClients'])


def quantize(case):
    return encoding.quantize(case['bits'], case['range'], case['values'], case['rounding'], case['weight'], case['ringBits'])


def public_seed(case):
    return encoding.public_seed(bytes.fromhex(case['planHash']), bytes.fromhex(case['modelHash']), case['round']).hex()


def share(case):
    plan = encoding.parse_plan(bytes.fromhex(case['plan']))
    return encoding.encode_update(plan, case['update'], case['weight'], {}, case['rounding'], bytes.fromhex(case['publicSeed']),
                                  case['normalizer'], case['controlUpdate'])


def rand(case):
    client = Client.__new__(Client)
    client.split(bytes.fromhex(case['rand']), bytes.fromhex(case['contextHash']), case['applicationSeeds'])
    return dict(channelPrivateKey=client.channel_private.hex(), maskSeed=client.mask_seed.hex(), maskPrivateKey=client.mask_private.hex(),
                selfMaskSeed=client.self_mask_seed.hex(), coefficientSeed=client.coefficient_seed.hex(),
                roundingSeed=client.rounding_seed.hex(), applicationSeeds=[seed.hex() for seed in client.application_seeds])


def seal_case(case):
    key, ad, plaintext = (bytes.fromhex(case[name]) for name in ('key', 'associatedData', 'plaintext'))
    sealed = seal(key, ad, plaintext)
    assert open_sealed(key, ad, sealed) == plaintext and open_sealed(key, ad + b'x', sealed) is None
    return sealed.hex()


def shamir_case(case):
    shares = shamir.split(words16(bytes.fromhex(case['secret'])), words16(bytes.fromhex(case['coefficients'])), case['holders'])
    return [join16(share).hex() for share in shares]


def shamir_correction(case):
    shares = {share['holder']: words16(bytes.fromhex(share['share'])) for share in case['shares']}
    result = shamir.reconstruct(shares, case['threshold'])
    return dict(undecodable=True) if result is None else dict(secret=join16(result[0]).hex(), wrong=sorted(result[1]))


def signatures(case):
    return verify(*(bytes.fromhex(case[name]) for name in ('publicKey', 'message', 'signature')))


def stream_case(case):
    return stream(bytes.fromhex(case['seed']), bytes.fromhex(case['salt']), case['label'], case['length']).hex()


def survivors(case):
    bitmap = masking.bitmap(case['n'], case['indices'])
    return dict(bitmap=bitmap.hex(), signed=labelled('confirm', bytes.fromhex(case['frozenHash']), sha256(bitmap)).hex())


def weaknesses(case):
    n, degree, threshold = (case['parameters'][name] for name in ('n', 'degree', 'threshold'))
    assumptions = complete(case['assumptions'])
    if not cohort.has_form(n, degree, threshold):
        return ['form']
    least = cohort.least_threshold(n, degree, assumptions)
    found = dict(connected=not cohort.connected(n, degree, assumptions), collusion=least > degree,
                 threshold=threshold < least <= degree)
    return [name for name, weak in found.items() if weak]


PRIMITIVES = {'agreement': agreement, 'graph': graph, 'kdf': kdf_case, 'labels': labels, 'masks': masks, 'merkle': merkle, 'pack': pack,
              'parameters': parameters, 'plan': plan, 'public-seed': public_seed, 'quantize': quantize, 'rand': rand,
              'rotate': lambda case: encoding.rotate(bytes.fromhex(case['seed']), case['values']), 'seal': seal_case, 'share': share,
              'shamir': shamir_case, 'shamir-correction': shamir_correction, 'signatures': signatures, 'stream': stream_case,
              'survivors': survivors, 'weaknesses': weaknesses}


def check_primitives(vector):
    for case in vector['cases']:
        got = PRIMITIVES[vector['name']](case['input'])
        yield case['name'], got, case['output']


# Codec


def decode_code(vector, data):
    """The code that a message is refused with, or None."""
    try:
        if vector['message'] == 'context':
            wire.decode_context(data)
        elif vector['message'] in ('hello', 'offer'):
            getattr(wire, 'decode_' + vector['message'])(data)
        else:
            wire.decode(data, bytes.fromhex(vector['tag']), vector['applicationSeeds'], vector['message'])
    except Refusal as refusal:
        return refusal.code
    return None


def check_codec(vector):
    for number, case in enumerate(vector['accept']):
        yield f'accept {number}', decode_code(vector, bytes.fromhex(case['bytes'])), None
    for case in vector['reject']:
        yield case['name'], decode_code(vector, bytes.fromhex(case['bytes'])), case['code']


# Replays


def values_of(values):
    if isinstance(values, dict):
        vector = [0] * values['length']
        for position, value in values['nonZero']:
            vector[position] = value
        return vector
    return values


def same_message(expected, message):
    if isinstance(expected, str):
        return expected == message.hex()
    return expected == dict(length=len(message), sha256=sha256(message).hex())


class ClientReplay:
    def __init__(self, replay, **changes):
        replay = {**replay, **{name: value for name, value in changes.items() if value is not None}}
        party = replay['client']
        identity = bytes.fromhex(party['identity'])
        self.input = None if party['input'] is None else values_of(party['input'])
        self.client = Client(bytes.fromhex(replay['context']), identity[104:], identity[:104], bytes.fromhex(party['rand']),
                             replay['time'], changes.get('policy') or party['policy'], bytes.fromhex(replay['authority']))

    def step(self, step):
        if step.get('do') == 'start':
            return self.client.start()
        if step.get('do') == 'submit':
            return self.client.submit(self.input)
        return self.client.receive(bytes.fromhex(step['receive']))


def check_client_replay(replay):
    party = ClientReplay(replay)
    for number, step in enumerate(replay['steps']):
        sent, expected = party.step(step), step.get('sends', [])
        if party.client.end and party.client.end['kind'] == 'refused':
            # The abort that a client may send is in no vector.
            sent = [message for message in sent if wire.message_name(message) != 'abort']
        fits = len(sent) == len(expected) and all(map(same_message, expected, sent))
        yield f'step {number}', fits, True
        ends = step.get('ends')
        if ends is not None:
            end = party.client.end or {}
            yield f'end of step {number}', {name: end.get(name) for name in ends if name != 'reason'}, {
                name: value for name, value in ends.items() if name != 'reason'}


class ServerReplay:
    def __init__(self, replay):
        party = replay['server']
        self.server = Server(bytes.fromhex(replay['context']), bytes.fromhex(party['key']), None, 2, party['minClients'],
                             party['minSurvivors'], replay['time'], party['parameters'])
        self.left = set()

    def step(self, step):
        """The code of a refusal or an abort, and messages to those who are still there."""
        if 'leave' in step:
            self.left.add(step['leave'])
            self.server.leave(step['leave'])
            return None, []
        if 'receive' in step:
            client, message = step['receive']['from'], bytes.fromhex(step['receive']['message'])
            try:
                self.server.receive(client, message)
            except Refusal as refusal:
                return refusal.code, []
            (self.left.add if wire.message_name(message) == 'abort' else self.left.discard)(client)
            return None, []
        messages = self.server.close()
        if self.server.end and self.server.end['kind'] == 'aborted':
            return self.server.end['code'], []
        return None, [(client, message) for client, message in messages if client not in self.left]


def check_server_replay(replay):
    party = ServerReplay(replay)
    for number, step in enumerate(replay['steps']):
        code, sent = party.step(step)
        yield f'code of step {number}', code, step.get('refused', step.get('abort'))
        expected = {item['to']: item['message'] for item in step.get('messages', [])}
        fits = len(sent) == len(expected) and all(to in expected and same_message(expected[to], message) for to, message in sent)
        yield f'step {number}', fits, True
    yield 'sum', getattr(party.server, 'sum', None), replay['sum']


def check_replay(replay):
    return (check_client_replay if replay['role'] == 'client' else check_server_replay)(replay)


# Negatives


def check_negative(vector):
    expect = vector['expect']
    code = (client_refusal if vector['party'] == 'client' else server_refusal)(vector)
    yield 'code', code if code not in expect.get('also', []) else expect['code'], expect['code']


def client_refusal(vector):
    replay = load(vector['base'])
    try:
        party = ClientReplay(replay, context=vector.get('context'), authority=vector.get('authority'), policy=vector.get('policy'))
    except Refusal as refusal:
        return refusal.code
    for step in replay['steps'][: vector['after']]:
        party.step(step)
    messages = [*vector.get('precede', []), vector.get('message')]
    for message in messages:
        if message is not None:
            party.client.receive(bytes.fromhex(message))
    if vector.get('does') == 'submit' and party.client.state == 'ready':
        party.client.submit(party.input)
    return (party.client.end or {}).get('code')


def server_refusal(vector):
    replay = load(vector['base'])
    party = ServerReplay(replay)
    for step in replay['steps'][: vector['after']]:
        party.step(step)
    for message in vector.get('precede', []):
        party.server.receive(vector['from'], bytes.fromhex(message))
    if vector.get('does') == 'close':
        return party.step(dict(close=True))[0]
    return party.step(dict(receive={'from': vector['from'], 'message': vector['message']}))[0]


CHECKS = dict(primitives=check_primitives, codec=check_codec, replay=check_replay, negative=check_negative)


def main():
    passed, failed = 0, []
    for path in sorted(FOLDER.rglob('*.json')):
        vector = json.loads(path.read_text())
        if not isinstance(vector, dict) or vector.get('kind') not in CHECKS:
            continue
        for name, got, expected in CHECKS[vector['kind']](vector):
            if got == expected:
                passed += 1
            else:
                failed.append(f'{path.relative_to(FOLDER)}: {name}: {str(got)[:300]} instead of {str(expected)[:300]}')
    print('\n'.join([*failed, f'{passed} passed, {len(failed)} failed']))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
