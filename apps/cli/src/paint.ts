// Colours, where the output is a terminal that shows them.

import { styleText } from 'node:util';
import type { Part } from '@ludic/rollouts';

type Format = Parameters<typeof styleText>[0];

export const paint = (format: Format, text: string) => styleText(format, text, { stream: process.stdout });

const PARTS: Record<Part, Format> = { system: 'dim', observation: 'reset', reply: 'cyan', note: 'yellow' };

export const paintPart = (part: Part, text: string) => paint(PARTS[part], text);
