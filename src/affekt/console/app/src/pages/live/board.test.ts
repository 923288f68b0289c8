import { expect, test } from 'vitest';
import { Board } from './board';
import { reading } from './made';

const provisional = { provisional: true };
const lanes = (board: Board) => board.lanes.map((lane) => `${lane.who}/${lane.modality}: ${lane.readings.map((one) => `${one.start}-${one.end}`).join(' ')}`);

test('a provisional reading gives way to what comes later of the same utterance', () => {
  const board = new Board();
  board.take(reading('speech', 'Anna', 1, 1.5, provisional));
  board.take(reading('speech', 'Anna', 1, 1.9, provisional));
  board.take(reading('speech', 'Anna', 1, 2.4));
  expect(lanes(board)).toEqual(['Anna/speech: 1-2.4']);
});

test('a voice without a name is of whoever it turns out to be', () => {
  const board = new Board();
  board.take(reading('speech', null, 1, 1.5, provisional));
  expect(lanes(board)).toEqual(['/speech: 1-1.5']);
  board.take(reading('speech', 'speaker 1', 1, 2));
  board.sweep(3);
  expect(lanes(board)).toEqual(['speaker 1/speech: 1-2']);
  board.take(reading('speech', null, 4, 4.5, provisional));
  expect(lanes(board)).toEqual(['speaker 1/speech: 1-2 4-4.5']);
});

test('a fused reading takes the place of those of the same person that begin in its stretch, and of nobody else', () => {
  const board = new Board();
  board.take(reading('fused', 'face 1', 0, 1));
  board.take(reading('fused', 'face 1', 1, 2));
  board.take(reading('fused', 'face 2', 1, 2));
  board.take(reading('fused', 'face 1', 2, 2.5, provisional));
  board.take(reading('fused', 'face 1', 0.5, 2.5));
  expect(lanes(board)).toEqual(['face 1/fused: 0-1 0.5-2.5', 'face 2/fused: 1-2']);
});

test('nobody is left over of a voice that was taken for nobody’s, or for somebody else’s', () => {
  const board = new Board();
  const voice = { provisional: true, shares: { speech: 1 } };
  board.take(reading('fused', null, 1, 1.5, voice));
  board.take(reading('fused', 'face 1', 1, 1.7, { ...voice, shares: { speech: 0.5, face: 0.5 } }));
  board.take(reading('fused', 'face 2', 1, 1.2, { provisional: true, shares: { face: 1 } }));
  board.take(reading('speech', 'speaker 1', 1, 2));
  board.take(reading('fused', 'speaker 1', 1, 2, { shares: { speech: 1 } }));
  board.sweep(2);
  board.settle();
  expect(lanes(board)).toEqual(['face 2/fused: 1-1.2', 'speaker 1/fused: 1-2', 'speaker 1/speech: 1-2']);
  expect(board.people.map((one) => one.who)).not.toContain('');
});

test('who writes without a name stays', () => {
  const board = new Board();
  board.take(reading('text', null, 1, 2, { words: 'so' }));
  board.sweep(20);
  board.settle();
  expect(board.people.map((one) => one.who)).toEqual(['']);
});

test('a face and a voice that turn out to be one person are one from then on, with all that was read before', () => {
  const board = new Board();
  board.take(reading('face', 'face 2', 1, 1.2));
  board.take(reading('speech', 'speaker 1', 1, 2));
  board.take(reading('fused', 'person 2', 1, 2, { shares: { speech: 0.5, face: 0.5 } }));
  board.take(reading('face', 'face 2', 2, 2.2));
  expect(lanes(board)).toEqual(['person 2/fused: 1-2', 'person 2/speech: 1-2', 'person 2/face: 1-1.2 2-2.2']);
  board.settle();
  expect(board.people.map((one) => one.who)).toEqual(['person 2']);
  expect(board.lines.map((line) => line.who)).toEqual(['person 2']);
});

test('a person who is given a name has it from then on', () => {
  const board = new Board();
  board.take(reading('face', 'person 1', 0, 0.2));
  board.take(reading('speech', 'person 1', 1, 2));
  board.take(reading('fused', 'Anna', 1, 2, { shares: { speech: 0.5, text: 0.5 } }));
  board.take(reading('face', 'Anna', 2, 2.2));
  expect(lanes(board)).toEqual(['Anna/fused: 1-2', 'Anna/speech: 1-2', 'Anna/face: 0-0.2 2-2.2']);
});

test('a minute later nothing is left of what was seen, and provisional readings of which nothing came go sooner', () => {
  const board = new Board();
  board.take(reading('face', 'face 1', 0, 0.2));
  board.take(reading('speech', null, 0, 1, provisional));
  board.sweep(5);
  expect(lanes(board)).toEqual(['face 1/face: 0-0.2']);
  expect(board.lines).toEqual([]);
  board.sweep(90);
  expect(lanes(board)).toEqual([]);
  board.settle();
  expect(board.people).toEqual([]);
});

test('an hour of two faces takes no more room than a minute', () => {
  const board = new Board();
  for (let at = 0; at < 18_000; at += 1) {
    for (const who of ['face 1', 'face 2']) board.take(reading('face', who, at / 5, (at + 1) / 5));
    if (at % 5 === 0) board.sweep(at / 5);
  }
  expect(board.lanes.every((lane) => lane.readings.length < 400)).toBe(true);
  board.settle();
  expect(board.people.every((one) => one.trail.length <= 24)).toBe(true);
});

test('what is dirty is the stretch that has changed', () => {
  const board = new Board();
  board.take(reading('speech', 'Anna', 1, 3, provisional));
  board.lanes[0]!.dirty = null;
  board.take(reading('speech', 'Anna', 1, 2));
  expect(board.lanes[0]!.dirty).toEqual([1, 3]);
});

test('words become those of the utterance that they overlap; it says no longer that there was a voice alone', () => {
  const board = new Board();
  board.take(reading('speech', 'Anna', 1, 4));
  expect(board.lines.map((line) => line.text)).toEqual(['']);
  board.take(reading('text', 'Anna', 1.1, 2, { words: 'So proud' }));
  board.take(reading('text', 'Anna', 2.1, 3.9, { words: 'of you all' }));
  board.take(reading('text', null, 7, 8, { words: 'somebody types' }));
  expect(board.lines.map((line) => line.text)).toEqual(['So proud of you all', 'somebody types']);
});

test('a line is coloured by all modalities, but not by a face that says nothing', () => {
  const board = new Board();
  board.take(reading('speech', 'speaker 1', 1, 4));
  board.take(reading('fused', 'speaker 1', 1, 4, { top: 'anger', shares: { speech: 0.5, face: 0.5 } }));
  board.take(reading('fused', 'speaker 1', 0.5, 2, { top: 'fear', shares: { face: 1 } }));
  expect(board.lines[0]!.reading.top).toBe('anger');
});
