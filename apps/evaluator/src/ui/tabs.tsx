// Views as tabs, one shown at a time and all alive: work goes on in a view that is not shown. The address names the view.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { View } from '../views.ts';
import { Button } from './button.tsx';

/** The keyboard works as the ARIA pattern for tabs has it: arrows, Home and End. */
export function Tabs({ views }: { readonly views: readonly View[] }) {
  const [shown, setShown] = useState(() => named(views));
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const follow = () => setShown(named(views));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [views]);
  const show = (id: string) => {
    history.replaceState(null, '', `#${id}`);
    setShown(id);
    // A view may have more to say in the address.
    dispatchEvent(new HashChangeEvent('hashchange'));
  };
  const move = (event: KeyboardEvent) => {
    const at = views.findIndex(({ id }) => id === shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: views.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + views.length) % views.length;
    show(views[next]!.id);
    (list.current!.children[next] as HTMLElement).focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label="Views" ref={list} onKeyDown={move}>
        {views.map(({ id, title }) => (
          <Button
            key={id}
            role="tab"
            id={`tab-${id}`}
            aria-controls={`view-${id}`}
            aria-selected={id === shown}
            tabIndex={id === shown ? 0 : -1}
            onClick={() => show(id)}
          >
            {title}
          </Button>
        ))}
      </div>
      {views.map(({ id, component: Component }) => (
        <section key={id} role="tabpanel" id={`view-${id}`} aria-labelledby={`tab-${id}`} hidden={id !== shown}>
          <Component />
        </section>
      ))}
    </>
  );
}

/** What stands behind a ? is the view's own. */
const named = (views: readonly View[]): string =>
  views.find(({ id }) => `#${id}` === location.hash.split('?', 1)[0])?.id ?? views[0]!.id;
