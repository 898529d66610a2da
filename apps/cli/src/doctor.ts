// ludic doctor: reports what this machine has for Ludic, and how to get what is missing.

import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { processMemory } from '@ludic/grpo/node';
import { readHubSettings } from '@ludic/hub';
import { type DeviceReport, reportDevices } from '@ludic/runtime/node';
import { Command } from 'commander';
import { amount } from './units.ts';

/** One line of the report. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly remedy?: string;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Report what this machine has for training, and how to get what is missing')
    .option('--json', 'Print one JSON array')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const findings = [node(), processor(), memory(), ...(await devices()), ...(await hub())];
      if (json) console.log(JSON.stringify(findings));
      else for (const finding of findings) console.log(line(finding));
    });
}

function line({ name, ok, found, remedy }: Finding): string {
  return `${ok ? '✓' : '·'} ${name.padEnd(12)} ${found}${remedy ? `\n${' '.repeat(15)}${remedy}` : ''}`;
}

const NEEDED_NODE = 24;

function node(): Finding {
  const ok = Number(process.versions.node.split('.')[0]) >= NEEDED_NODE;
  const found = `Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  return {
    name: 'node',
    ok,
    found,
    ...(!ok && { remedy: `Node ${NEEDED_NODE} or newer is needed; npm start brings it.` }),
  };
}

function processor(): Finding {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return { name: 'threads', ok: true, found: `${availableParallelism()} of ${model}` };
}

function memory(): Finding {
  const { limit, available } = processMemory();
  return { name: 'memory', ok: true, found: `${amount(limit)}, ${amount(available)} of it free` };
}

async function devices(): Promise<Finding[]> {
  return (await reportDevices()).map((report) => {
    if (!report.present) return { name: report.device, ok: false, found: 'not here', remedy: report.reason };
    return { name: report.device, ok: true, found: deviceText(report) };
  });
}

function deviceText({ description, software, float16, largestTensor }: DeviceReport & { present: true }): string {
  return [
    description,
    ...(software ? ['a software adapter: right numbers, no speed; --device auto passes it over'] : []),
    ...(float16 === undefined ? [] : [float16 ? 'computes float16' : 'no float16']),
    ...(largestTensor === undefined ? [] : [`tensors up to ${amount(largestTensor)} at least`]),
  ].join(', ');
}

async function hub(): Promise<Finding[]> {
  const { cache, token, endpoint, offline } = await readHubSettings(process.env);
  const writable = await mkdir(cache, { recursive: true })
    .then(() => access(cache, constants.W_OK))
    .then(
      () => true,
      () => false,
    );
  const disk = writable ? await statfs(cache) : undefined;
  return [
    {
      name: 'cache',
      ok: writable,
      found: disk ? `${cache}, ${amount(disk.bavail * disk.bsize)} free on its disk` : `${cache} cannot be written`,
      ...(!writable && { remedy: 'Set HF_HUB_CACHE to a folder of yours.' }),
    },
    { name: 'hub', ok: !offline, found: offline ? 'offline, as HF_HUB_OFFLINE says: cached models alone' : endpoint },
    {
      name: 'token',
      ok: token !== undefined,
      found: token === undefined ? 'none' : 'present',
      ...(token === undefined && {
        remedy:
          'Public models need none. For gated ones and for ludic push: set HF_TOKEN to a token from your settings at the Hub.',
      }),
    },
  ];
}
