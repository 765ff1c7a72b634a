"""What a pretrained model is trained for next: classes, instructions, preferences."""
