// The address of a job in the page: `#jobs?job=ID`.

/** The part of an address behind its path, readable by `readJobLink`. */
export const jobLink = (id: string): string => `#jobs?${new URLSearchParams({ job: id })}`;

/** Undefined where the address names no job. */
export function readJobLink(hash: string): string | undefined {
  const [view, values] = hash.split('?', 2);
  return view === '#jobs' ? new URLSearchParams(values).get('job') || undefined : undefined;
}

/** Whether the address shows the view of jobs, with or without a job. */
export const isOfJobs = (hash: string): boolean => hash.split('?', 1)[0] === '#jobs';
