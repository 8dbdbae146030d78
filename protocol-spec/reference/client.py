"""The client: sections 8 to 13. Bytes in, bytes out; no clock, no network, no randomness but `rand`."""

import cohort
import masking
import shamir
import wire
from primitives import (canonical_x25519, kdf, labelled, lhash, open_sealed, seal, sha256, sign, stream, uint32, uint64, verify, words16,
                        x25519, x25519_public)
from rules import Refusal, keeps, must

DEFAULT_POLICY = dict(
    minClients=8, minThreshold=3, minDegree=7, minSurvivors=5, suites=[1, 2],
    assumptions=dict(corrupt=0.1, dropout=0.1, threat='malicious', securityBits=40, grindingBits=40))

THREATS = ['semi-honest', 'malicious']


def check_certificate(advertisement, authority, time):
    certificate = advertisement['certificate']
    signed = labelled('certificate', certificate['identity_key'], uint64(certificate['valid_until']))
    must('adv-1', verify(authority, signed, certificate['signature']), 'advertise.certificate')
    must('adv-2', certificate['valid_until'] >= time, 'advertise.expired')


def check_signature(advertisement, context_hash):
    signed = labelled('advertise', context_hash, advertisement['channel_key'], advertisement['mask_key'])
    must('adv-4', verify(advertisement['certificate']['identity_key'], signed, advertisement['signature']), 'advertise.signature')


def confirm_message(frozen, bitmap):
    return labelled('confirm', frozen, sha256(bitmap))


class Client:
    """One session. `receive` gives what to send; `end` says how the session ended, when it has."""

    def __init__(self, context_bytes, identity_key, certificate, rand, time, policy=None, authority=None):
        self.context = context = wire.decode_context(context_bytes)
        self.policy = {**DEFAULT_POLICY, **(policy or {})}
        if authority is not None and context['authority'] != authority and keeps('enrol-2'):
            raise Refusal('policy.authority')
        must('policy-1', context['suite'] in self.policy['suites'], 'policy.suite')
        wants_malicious = self.policy['assumptions']['threat'] == 'malicious'
        must('policy-1', not wants_malicious or THREATS[context['threat']] == 'malicious', 'policy.threat')
        self.identity_key, self.certificate, self.time = identity_key, certificate, time
        self.context_hash = lhash('session', context_bytes)
        self.tag = self.context_hash[:16]
        self.split(rand, self.context_hash, len(context['release_at']))
        self.state, self.end = 'new', None

    def split(self, rand, context_hash, seeds):
        """Section 4.5."""
        parts = [rand[i : i + 32] for i in range(0, 192, 32)]
        self.channel_private = kdf(parts[0], context_hash, 'channel key', 32)
        self.mask_seed, self.self_mask_seed, self.coefficient_seed, self.rounding_seed = parts[1:5]
        self.mask_private = kdf(self.mask_seed, context_hash, 'mask key', 32)
        self.application_seeds = [kdf(parts[5], context_hash, 'application seed', 32, uint32(i)) for i in range(seeds)]

    def start(self):
        channel_key, mask_key = x25519_public(self.channel_private), x25519_public(self.mask_private)
        signature = sign(self.identity_key, labelled('advertise', self.context_hash, channel_key, mask_key))
        self.advertisement = self.certificate + channel_key + mask_key + signature
        self.state = 'advertised'
        return [wire.encode('advertise', self.tag, self.advertisement)]

    def receive(self, message):
        """Messages to send. A fault of the server's ends the session and is told to it."""
        if self.state in ('aborted', 'finished'):
            return []
        try:
            name, fields = wire.decode(message, self.tag, len(self.context['release_at']))
            handler = self.TRANSITIONS.get((self.state, name)) or self.ANYWHERE.get(name)
            if handler is None:
                if keeps('order-1'):
                    raise Refusal('order.unexpected', f'{name} while {self.state}')
                return []
            return handler(self, fields)
        except Refusal as refusal:
            self.state, self.end = 'aborted', dict(kind='refused', code=refusal.code)
            return [wire.encode_abort(self.tag, refusal.code, str(refusal))]

    # Phase 2: share

    def roster(self, roster):
        self.check_numbers(roster)
        self.check_entries(roster)
        self.n, self.degree, self.threshold = roster['n'], roster['degree'], roster['threshold']
        self.frozen = cohort.frozen_hash(self.context_hash, roster['root'], self.n, self.degree, self.threshold)
        self.channel_secrets = {}
        for v in self.neighbors:
            secret = x25519(self.channel_private, self.entries[v]['channel_key'])
            must('roster-10', secret is not None, 'roster.key')
            self.channel_secrets[v] = secret or bytes(32)
        self.state = 'shared'
        return [self.share()]

    def check_numbers(self, roster):
        n, degree, threshold = roster['n'], roster['degree'], roster['threshold']
        policy, assumptions = self.policy, self.policy['assumptions']
        must('roster-1', cohort.has_form(n, degree, threshold), 'policy.parameters')
        must('roster-1', n >= policy['minClients'], 'policy.clients')
        must('roster-1', degree >= policy['minDegree'], 'policy.degree')
        must('roster-1', threshold >= policy['minThreshold'], 'policy.threshold')
        if keeps('param-2'):
            must('roster-1', cohort.connected(n, degree, assumptions), 'policy.parameters')
            must('roster-1', threshold >= cohort.least_threshold(n, degree, assumptions), 'policy.parameters')
        must('roster-2', n <= self.context['max_clients'], 'roster.wrap')

    def check_entries(self, roster):
        n, entries, identities = roster['n'], roster['entries'], roster['identities']
        indices = [entry['index'] for entry in entries]
        keys = [entry['advertisement']['certificate']['identity_key'] for entry in entries]
        ascends = lambda items: all(a < b for a, b in zip(items, items[1:]))
        must('roster-3', ascends(indices) and all(i < n for i in indices) and ascends(keys), 'roster.order')
        every = [key for entry in entries for key in advertised_keys(entry['advertisement'])]
        must('roster-4', len(set(every)) == len(every), 'advertise.duplicate')
        self.check_root(roster)
        must('roster-6', ascends(identities), 'roster.identities')
        must('roster-6', all(i < n and identities[i] == key for i, key in zip(indices, keys)), 'roster.identities')
        own = [entry['index'] for entry in entries if wire.advertisement_bytes(entry['advertisement']) == self.advertisement]
        must('roster-7', len(own) == 1, 'roster.self')
        self.index = own[0] if own else indices[0]
        expected = cohort.neighbor_lists(roster['root'], n, roster['degree'])[self.index]
        others = [i for i in indices if i != self.index]
        must('roster-8', others == expected, 'roster.neighbors')
        self.neighbors = others
        self.entries = {entry['index']: entry['advertisement'] for entry in entries}
        for v in self.neighbors:
            self.check_neighbor(self.entries[v])

    def check_root(self, roster):
        entries = {entry['index']: cohort.leaf(wire.advertisement_bytes(entry['advertisement'])) for entry in roster['entries']}
        must('roster-5', entries, 'roster.self')
        proof = list(roster['proof'])
        root = cohort.root_of_proof(roster['n'], entries, proof)
        must('roster-5', root is not None and not proof, 'merkle.proof')
        must('roster-5', root is not None and cohort.roster_root(root, roster['identities']) == roster['root'], 'roster.root')

    def check_neighbor(self, advertisement):
        if not keeps('roster-9'):
            return
        check_certificate(advertisement, self.context['authority'], self.time)
        check_signature(advertisement, self.context_hash)
        must('key-1', all(canonical_x25519(advertisement[key]) for key in ('channel_key', 'mask_key')), 'advertise.key')

    def share(self):
        secret = words16(self.mask_seed + self.self_mask_seed + b''.join(self.application_seeds))
        length = (self.threshold - 1) * len(secret) * 2
        coefficients = words16(stream(self.coefficient_seed, self.frozen, 'share coefficients', length))
        shares = shamir.split(secret, coefficients, self.degree)
        sealed = []
        for v, share in zip(self.neighbors, shares):
            data = b''.join(symbol.to_bytes(2, 'little') for symbol in share)
            sealed.append(seal(self.channel_key(self.index, v, v), self.direction(self.index, v), data))
        seeds = [self.self_mask_seed, *self.application_seeds]
        commitments = [lhash('seed commitment', self.frozen, uint32(self.index), uint32(j), seed) for j, seed in enumerate(seeds)]
        return wire.encode_share(self.tag, commitments, sealed)

    def channel_key(self, sender, receiver, neighbor):
        return kdf(self.channel_secrets[neighbor], self.frozen, 'channel', 32, uint32(sender), uint32(receiver))

    def direction(self, sender, receiver):
        return self.frozen + uint32(sender) + uint32(receiver)

    # Phase 3: input

    def delivery(self, deliveries):
        senders = [sender for sender, _ in deliveries]
        in_order = all(a < b for a, b in zip(senders, senders[1:])) and all(sender in self.neighbors for sender in senders)
        must('deliver-1', in_order, 'delivery.order')
        must('deliver-1', len(deliveries) >= self.threshold, 'delivery.few')
        # What a neighbor sealed, or None where it doesn't open.
        self.held = {v: open_sealed(self.channel_key(v, self.index, v), self.direction(v, self.index), sealed)
                     for v, sealed in deliveries if v in self.neighbors}
        self.state = 'ready'
        return []

    def rounding(self, count):
        """Random words for stochastic rounding (encoding.md)."""
        return stream(self.rounding_seed, self.frozen, 'rounding', 4 * count)

    def submit(self, vector):
        """The input: d integers mod 2^b."""
        try:
            messages = self.upload(self.masked(vector))
        except Refusal as refusal:
            self.state, self.end = 'aborted', dict(kind='refused', code=refusal.code)
            return [wire.encode_abort(self.tag, refusal.code, str(refusal))]
        self.state = 'submitted'
        return messages

    def masked(self, vector):
        context = self.context
        masked = masking.add(context, vector, masking.self_mask(context, self.frozen, self.index, self.self_mask_seed))
        for v in sorted(self.held):
            secret = x25519(self.mask_private, self.entries[v]['mask_key'])
            must('input-1', secret is not None, 'roster.key')
            mask = masking.pairwise_mask(context, self.frozen, self.index, v, secret or bytes(32))
            masked = masking.add(context, masked, mask, 1 if v > self.index else -1)
        return masked

    def upload(self, masked):
        packed = masking.pack(self.context, masked)
        covered = packed if keeps('input-2') else packed[:1]
        mac = masking.input_mac(self.frozen, self.channel_private, self.context['server_key'], self.index, sorted(self.held), covered)
        chunks = [wire.encode_input(self.tag, offset, packed[offset : offset + 65536]) for offset in range(0, len(packed), 65536)]
        return [*chunks, wire.encode('inputEnd', self.tag, mac)]

    # Phase 4: confirm

    def survivors(self, bitmap):
        must('confirm-1', len(bitmap) == (self.n + 7) // 8, 'survivors.form')
        survivors = masking.members(bitmap)
        must('confirm-1', all(i < self.n for i in survivors), 'survivors.form')
        must('confirm-2', self.index in survivors, 'survivors.self')
        must('confirm-3', len(survivors) >= self.policy['minSurvivors'], 'survivors.few')
        surviving = [v for v in self.neighbors if v in survivors]
        must('confirm-4', all(v in self.held for v in surviving), 'survivors.unknown')
        must('confirm-5', len(surviving) >= self.threshold, 'survivors.neighbors')
        self.survivor_set, self.bitmap = survivors, bitmap
        self.state = 'confirmed'
        return [wire.encode('confirm', self.tag, sign(self.identity_key, confirm_message(self.frozen, bitmap)))]

    # Phase 5: unmask

    def confirmations(self, confirmations):
        indices = [index for index, _ in confirmations]
        allowed = all(i in self.neighbors and i in self.survivor_set for i in indices)
        must('unmask-1', allowed and all(a < b for a, b in zip(indices, indices[1:])), 'confirmations.order')
        message = confirm_message(self.frozen, self.bitmap)
        valid = [i for i, signature in confirmations
                 if i in self.entries and verify(self.entries[i]['certificate']['identity_key'], message, signature)]
        must('unmask-2', len(valid) >= self.threshold, 'confirmations.few')
        self.state = 'revealed' if keeps('unmask-4') else 'confirmed'
        return [wire.encode_unmask(self.tag, [self.reveal(owner) for owner in sorted(self.held)])]

    def reveal(self, owner):
        shares = self.held[owner]
        if shares is None:
            return dict(owner=owner, kind=0, shares=b'')
        if owner not in self.survivor_set:
            return dict(owner=owner, kind=2, shares=shares[:32])
        released = [i for i, least in enumerate(self.context['release_at'])
                    if len(self.survivor_set) >= least or not keeps('unmask-3')]
        return dict(owner=owner, kind=1, shares=b''.join(shares[32 * i : 32 * i + 32] for i in [1, *(2 + i for i in released)]))

    # The end

    def outcome(self, outcome):
        has_sent = self.state in ('submitted', 'confirmed', 'revealed')
        must('unmask-10', has_sent or not outcome['survived'], 'outcome.survived')
        if self.state in ('confirmed', 'revealed'):
            must('unmask-10', outcome['survived'] and outcome['survivors'] == len(self.survivor_set), 'outcome.survived')
        self.state, self.end = 'finished', dict(kind='finished', **outcome)
        return []

    def abort(self, abort):
        self.state, self.end = 'aborted', dict(kind='aborted', code=abort['code'])
        return []

    TRANSITIONS = {('advertised', 'roster'): roster, ('shared', 'delivery'): delivery, ('submitted', 'survivors'): survivors,
                   ('confirmed', 'confirmations'): confirmations}
    ANYWHERE = {'outcome': outcome, 'abort': abort}


def advertised_keys(advertisement):
    return [advertisement['certificate']['identity_key'], advertisement['channel_key'], advertisement['mask_key']]
