// Parts of the page that are loaded when they are first drawn.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Alert } from '../form.tsx';

/** What shows games. */
export const shownGames = () => import('./shown-games.ts');

/** Draws a component that is loaded for it. */
export function lazyView<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  return (props) => {
    const [part, setPart] = useState<{ readonly View?: ComponentType<Props> }>();
    useEffect(() => {
      load().then(
        (View) => setPart({ View }),
        () => setPart({}),
      );
    }, []);
    if (!part) return null;
    if (!part.View) return <Alert text="This part could not be loaded: the server of the page does not answer." />;
    return <part.View {...props} />;
  };
}
