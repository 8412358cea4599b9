package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"strings"
)

// Ids look like Zoom's but encode the object that they name, so that finding an object by its
// id needs no table: a sandbox of 10,000 users starts as fast as one of ten. An id is sealed
// with the seed, so that other sandboxes refuse it.

// The kinds of sealed ids.
const (
	sealUser uint64 = iota + 1
	sealInstance
	sealRegistrant
	sealOther
	sealFile
)

// mix is the finalizer of splitmix64: a bijection that scatters its input.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// unmix is the inverse of mix.
func unmix(x uint64) uint64 {
	x ^= x>>31 ^ x>>62
	x *= 0x319642b2d24d8ec3
	x ^= x>>27 ^ x>>54
	x *= 0x96de1b173f119089
	return x ^ x>>30 ^ x>>60
}

// seal encrypts a number into 16 bytes, which open decrypts.
func seal(seed, kind, v uint64) [16]byte {
	key := mix(seed + kind*0x9e3779b97f4a7c15)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], mix(v^key))
	binary.BigEndian.PutUint64(b[8:], mix(mix(v+key)^kind))
	return b
}

func open(seed, kind uint64, b []byte) (uint64, bool) {
	if len(b) != 16 {
		return 0, false
	}
	key := mix(seed + kind*0x9e3779b97f4a7c15)
	v := unmix(binary.BigEndian.Uint64(b)) ^ key
	again := seal(seed, kind, v)
	return v, again == [16]byte(b)
}

// sealID returns an id of 22 characters, as users and registrants have.
func sealID(seed, kind, v uint64) string {
	b := seal(seed, kind, v)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func openID(seed, kind uint64, id string) (uint64, bool) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return 0, false
	}
	return open(seed, kind, b)
}

// sealUUID returns the UUID of an instance: standard base64 of 16 bytes, hence
// with "/", "+" and "==" in it.
func sealUUID(seed, v uint64) string {
	b := seal(seed, sealInstance, v)
	return base64.StdEncoding.EncodeToString(b[:])
}

func openUUID(seed uint64, uuid string) (uint64, bool) {
	b, err := base64.StdEncoding.DecodeString(uuid)
	if err != nil {
		return 0, false
	}
	return open(seed, sealInstance, b)
}

// Meeting numbers are numberBase plus a permutation of 0…numberPrime-1: they have 10 or, mostly,
// 11 digits, and no visible order.
const (
	numberBase   = 1_000_000_000
	numberPrime  = 88_999_999_969
	numberFactor = 41_234_567_891
	createdBase  = 1 << 36 // meetings created by calls begin here
	webinarBase  = 1 << 35 // webinars: from here to createdBase
	instantSlot  = 3000    // instant meetings begin at this slot
	slotsPerUser = 4096
)

// numberInverse is the inverse of numberFactor: by Fermat, factor^(prime-2).
var numberInverse = power(numberFactor, numberPrime-2)

func mulmod(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return bits.Rem64(hi, lo, numberPrime)
}

func power(a, e uint64) uint64 {
	r := uint64(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			r = mulmod(r, a)
		}
		a = mulmod(a, a)
	}
	return r
}

// number returns the meeting number of the n-th meeting.
func (w *world) number(n uint64) int64 {
	return numberBase + int64((mulmod(n, numberFactor)+w.shift)%numberPrime)
}

// nth is the inverse of number. There may be no meeting with the result.
func (w *world) nth(number int64) (uint64, bool) {
	v := number - numberBase
	if v < 0 || v >= numberPrime {
		return 0, false
	}
	return mulmod((uint64(v)+numberPrime-w.shift)%numberPrime, numberInverse), true
}

// needsTwice reports whether Zoom finds a UUID only if it is percent-encoded twice.
//
// Source: path parameter meetingId of GET /past_meetings/{meetingId}.
func needsTwice(uuid string) bool {
	return strings.HasPrefix(uuid, "/") || strings.Contains(uuid, "//")
}

// rng is a stream of random numbers that depends only on its seed. It is a value, so that it
// needs no allocation.
type rng uint64

func (w *world) rng(kind string, n uint64) rng {
	h := w.seed
	for i := range len(kind) {
		h = h*31 + uint64(kind[i])
	}
	return rng(mix(mix(h) ^ n))
}

func (d *rng) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d))
}

// n returns a number from 0 to limit-1.
func (d *rng) n(limit int) int {
	hi, _ := bits.Mul64(d.next(), uint64(limit))
	return int(hi)
}

func (d *rng) chance(percent int) bool { return d.n(100) < percent }

func pick[T any](d *rng, from []T) T { return from[d.n(len(from))] }
