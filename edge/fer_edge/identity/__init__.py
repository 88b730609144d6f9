"""Who as well as how: people enrolled from folders of pictures, known again by their faces."""
