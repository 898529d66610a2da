// The jobs of a server. What speaks to servers is loaded when this view is first looked at: most visitors need none.

import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../ui/button.tsx';

type JobsPart =
  | { readonly state: 'unseen' | 'loading' }
  | { readonly state: 'here'; readonly Dashboard: ComponentType }
  | { readonly state: 'missing' };

/** A part that cannot be loaded says so and offers another try, as the server of the page may be restarting. */
export function JobsView() {
  const [part, setPart] = useState<JobsPart>({ state: 'unseen' });
  const place = useRef<HTMLDivElement>(null);
  const load = () => {
    setPart({ state: 'loading' });
    import('./dashboard.tsx').then(
      ({ Dashboard }) => setPart({ state: 'here', Dashboard }),
      () => setPart({ state: 'missing' }),
    );
  };
  useEffect(() => {
    // Tabs that are not shown have no place on the screen.
    const look = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      look.disconnect();
      load();
    });
    look.observe(place.current!);
    return () => look.disconnect();
  }, []);
  if (part.state === 'here') return <part.Dashboard />;
  return (
    <div ref={place} class="empty">
      {part.state === 'missing' ? (
        <>
          <p class="error" role="alert">
            This part of the page could not be loaded: the server of the page does not answer.
          </p>
          <p>
            <Button onClick={load}>Try again</Button>
          </p>
        </>
      ) : (
        'Loading…'
      )}
    </div>
  );
}
